/**
 * What a page can tell its reader: what is wrong and what to do next.
 *
 *   new PageError(code, message, next)    message: one or two sentences; next: the next step
 *   asPageError(error)                    any thrown thing as a PageError (code "internal")
 *   toPlain(error) / fromPlain(plain)     for messages between page and worker
 *
 * Texts may hold names from files: show them with textContent only.
 */

/**
 * @typedef {"missing" | "network" | "too-large" | "not-json" | "keys" | "shape" | "value" |
 *   "too-many" | "arrays" | "model" | "mismatch" | "damaged" | "url" | "parameter" | "image" |
 *   "no-webgl" | "context-lost" | "host" | "internal"} ErrorCode
 * @typedef {{code: ErrorCode, message: string, next: string}} PlainError
 */

export class PageError extends Error {
  /** @param {ErrorCode} code @param {string} message @param {string} next */
  constructor(code, message, next) {
    super(message);
    this.name = "PageError";
    this.code = code;
    this.next = next;
  }
}

/** @param {unknown} error @returns {PageError} */
export function asPageError(error) {
  if (error instanceof PageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PageError("internal", `Something went wrong: ${message}`, "Reload the page.");
}

/** @param {unknown} error @returns {PlainError} */
export function toPlain(error) {
  const { code, message, next } = asPageError(error);
  return { code, message, next };
}

/** @param {PlainError} plain @returns {PageError} */
export function fromPlain({ code, message, next }) {
  return new PageError(code, message, next);
}
