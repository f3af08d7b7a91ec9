// 联调：登录成微信模拟器里的人。只有开发环境的服务认得这种 code；真机、体验版、正式版不要用。
import type { Platform } from "./platform";

/** 演示人物见 docs/personas.md，例如 worker-chen、clerk-longhu。 */
export function signedInAs(name: string, platform: Platform = wx): Platform {
  return {
    login: (options: WechatMiniprogram.LoginOption) => {
      const code = `sim:${name}#${Date.now().toString(36)}${Math.floor(Math.random() * 1e9).toString(36)}`;
      options.success?.({ code, errMsg: "login:ok" });
    },
    request: (options) => platform.request(options),
    uploadFile: (options) => platform.uploadFile(options),
    getStorageSync: (key) => platform.getStorageSync(key),
    setStorageSync: (key, value) => platform.setStorageSync(key, value),
    removeStorageSync: (key) => platform.removeStorageSync(key),
  } as Platform;
}
