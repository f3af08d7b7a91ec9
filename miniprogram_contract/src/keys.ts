/** 一个新的 Idempotency-Key。只要不重复，不要求猜不到：它只在本人的请求里起作用。 */
export function newKey(): string {
  const hex = (length: number): string =>
    Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join("");
  return `${Date.now().toString(16).padStart(12, "0")}-${hex(20)}`;
}
