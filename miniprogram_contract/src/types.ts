// 由 schema.ts（生成）推出每个接口的参数、请求体和回答的类型。
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Method = "get" | "post" | "put" | "delete";

/** 有这种方法的路径。 */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];

export type Operation<M extends Method, P extends PathOf<M>> = paths[P] extends Record<M, infer O> ? O : never;

type Json<C> = C extends { content: { "application/json": infer T } } ? T : never;

/** 成功时的回答；没有内容的（204）是 undefined。 */
export type Answer<O> = O extends { responses: infer R }
  ? [Json<R[keyof R]>] extends [never]
    ? undefined
    : Json<R[keyof R]>
  : never;

type PathPart<O> = O extends { parameters: { path: infer P } } ? { path: P } : { path?: undefined };
type BodyPart<O> = O extends { requestBody: { content: { "application/json": infer B } } }
  ? { body: B }
  : O extends { requestBody?: { content: { "application/json": infer B } } }
    ? { body?: B }
    : { body?: undefined };
type QueryPart<O> = O extends { parameters: { query: infer Q } }
  ? { query: Q }
  : O extends { parameters: { query?: infer Q } }
    ? { query?: Q }
    : { query?: undefined };
type VersionPart<O> = O extends { parameters: { header: { "If-Match": string } } }
  ? { /** 所看到的版本，作为 If-Match 发出。 */ version: number }
  : { version?: number };

export interface Common {
  /** Idempotency-Key：用户点一次按钮用一个；不给就为这一次调用新生成一个。只有 POST 用。 */
  key?: string;
  /** 毫秒。 */
  timeout?: number;
  /** 公开的接口（公示、项目、自测）：不登录也能用，不要为它登录。 */
  anonymous?: boolean;
}

export type Options<O> = PathPart<O> & BodyPart<O> & QueryPart<O> & VersionPart<O> & Common;

/** 没有必填项时可以不给参数。 */
export type Args<O> = Record<string, never> extends Options<O> ? [options?: Options<O>] : [options: Options<O>];

export interface Result<T> {
  data: T;
  status: number;
  /** 现在的版本（ETag，没有时取回答中的 version）。下一次修改带上它。 */
  version: number | undefined;
  /** 这是以前那一次的回答：请求早已办成。 */
  replayed: boolean;
}
