// 服务器在哪里。开发版用自己电脑上的（make serve）；体验版、正式版换成自己的域名，并列入小程序后台的合法域名。
const SERVERS: Readonly<Record<string, string>> = {
  develop: "http://127.0.0.1:8000",
  trial: "https://aid-trial.example.org",
  release: "https://aid.example.org",
};

export function developing(): boolean {
  return wx.getAccountInfoSync().miniProgram.envVersion === "develop";
}

export function server(): string {
  return SERVERS[wx.getAccountInfoSync().miniProgram.envVersion] ?? "https://aid.example.org";
}

/** 开发版登录成哪个演示人物（docs/personas.md）；在“我的”页面填。空的就用真的微信登录。 */
export const AS = "aid.develop.as";
