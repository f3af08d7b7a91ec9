import { services } from "./services";

App({
  onLaunch() {
    // 网络变好时，把没有送到的草稿送出去；断网时留着，不打扰人。
    wx.onNetworkStatusChange(({ isConnected }) => {
      if (isConnected && services().client.session.signedIn) void services().drafts.sync();
    });
  },
});
