// Requests to the server of this page, with the token of the address.

const TOKEN = new URLSearchParams(location.search).get("token") ?? "";

/** An answer that is no success, with its sentence. */
export class Refused extends Error {}

/**
 * @param {string} method @param {string} path @param {BodyInit | null} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
async function request(method, path, body, signal) {
  let answer;
  try {
    answer = await fetch(path, { method, body: body ?? null, signal: signal ?? null, headers: { Authorization: `Bearer ${TOKEN}` } });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("deployer playground does not answer: is it still running?");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refused(told.error ?? `the server answered ${answer.status}`);
}

/** @param {string} path @returns {Promise<any>} */
export const get = async (path) => (await request("GET", path)).json();
/** @param {string} path @param {any} [data] @returns {Promise<any>} */
export const post = async (path, data) => (await request("POST", path, JSON.stringify(data ?? {}))).json();
/** @param {string} path @returns {Promise<any>} */
export const remove = async (path) => (await request("DELETE", path)).json();
/** @param {string} path @returns {Promise<string>} */
export const text = async (path) => (await request("GET", path)).text();
/** @param {string} path @returns {Promise<Blob>} */
export const blob = async (path) => (await request("GET", path)).blob();
/** @param {File} file @returns {Promise<{id: string, name: string}>} */
export const upload = async (file) => (await request("POST", `/api/files?name=${encodeURIComponent(file.name)}`, file)).json();

/** Where a browser opens the plan. */
export const planAddress = () => `/plan.html?token=${encodeURIComponent(TOKEN)}`;

/**
 * Hear the events of a path, one after the other, until they end.
 * @param {string} path @param {AbortSignal} signal
 * @returns {AsyncGenerator<any>}
 */
export async function* events(path, signal) {
  const answer = await request("GET", path, null, signal);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
