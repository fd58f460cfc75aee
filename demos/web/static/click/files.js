/**
 * Where a file can be fetched that the server has lent to this visitor.
 * @param {{path: string}} file
 */
export function addressOf({ path }) {
  return `/gradio_api/file=${encodeURI(path)}`;
}

/**
 * A value from the page's library as plain data: its own objects cannot be sent to a worker.
 * @template T
 * @param {T} value
 * @returns {T}
 */
export function plain(value) {
  return JSON.parse(JSON.stringify(value));
}
