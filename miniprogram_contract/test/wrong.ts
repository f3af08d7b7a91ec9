// 约定里没有的，编译不过：每一行都必须出错，不出错的那一行自己会成为编译错误（@ts-expect-error）。
import type { Client } from "../src/index";

const path = { application_id: "1" };

export function wrong(client: Client): unknown[] {
  return [
    // @ts-expect-error 没有这个路径
    client.get("/api/v1/applicationz"),
    // @ts-expect-error 这个路径没有这种方法
    client.post("/api/v1/me/access_log"),
    // @ts-expect-error 请求里没有这个字段
    client.post("/api/v1/applications", { body: { kind: "hardship_aid", form: {}, more: 1 } }),
    // @ts-expect-error 没有这个值
    client.post("/api/v1/applications", { body: { kind: "moon", form: {} } }),
    // @ts-expect-error 缺路径里的编号
    client.get("/api/v1/applications/{application_id}"),
    // @ts-expect-error 缺版本号
    client.post("/api/v1/applications/{application_id}/submit", { path }),
    // @ts-expect-error 缺请求体
    client.post("/api/v1/sessions"),
    // @ts-expect-error 没有这个参数
    client.get("/api/v1/applications", { query: { colour: "red" } }),
    // @ts-expect-error 回答里没有这个字段
    client.get("/api/v1/me").then(({ data }) => data.nothing),
    // @ts-expect-error 删除没有回答
    client.delete("/api/v1/sessions/current").then(({ data }) => data.id),
  ];
}
