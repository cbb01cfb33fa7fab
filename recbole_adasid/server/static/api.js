// Requests to the server that this page came from. Failures carry one sentence.

export class Failure extends Error {
  /** `again`: whether retrying may help. */
  constructor(message, again) {
    super(message);
    this.again = again;
  }
}

async function ask(path, { body, signal } = {}) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, { ...options, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The server cannot be reached. Is it still running?", true);
  }
  const found = await answer.json().catch(() => null);
  if (answer.ok && found !== null) return found;
  throw new Failure(sentence(found?.detail) || `The server answered with status ${answer.status}.`, answer.status >= 500);
}

function sentence(detail) {
  if (typeof detail !== "string" || !detail) return "";
  return `${detail[0].toUpperCase()}${detail.slice(1)}${/[.!?]$/.test(detail) ? "" : "."}`;
}

/** Cache the answers that `lasts` accepts, by key; failures are not cached. */
function remembered(question, lasts = () => true) {
  const known = new Map();
  async function ask(key) {
    try {
      const found = await question(key);
      if (!lasts(found)) known.delete(key);
      return found;
    } catch (error) {
      known.delete(key);
      throw error;
    }
  }
  return (key) => {
    if (!known.has(key)) known.set(key, ask(key));
    return known.get(key);
  };
}

export const about = () => ask("about");
export const recommend = (body, signal) => ask("recommend", { body, signal });
export const explain = (history, item, signal) => ask("explain", { body: { history, item }, signal });
export const findItems = (query, limit, signal) => ask(`items?${new URLSearchParams({ query, limit })}`, { signal });
export const allCategories = () => ask("codes?prefix=&limit=100").then((found) => found.categories);

/** What a prefix such as `3,17` means. */
export const meaning = remembered((prefix) => ask(`codes?${new URLSearchParams({ prefix, limit: 5 })}`));

/** The item with a token, even if it was removed, or a placeholder marked as missing. */
export const itemOf = remembered((token) => ask(`items?${new URLSearchParams({ query: token, limit: 1, removed: true })}`).then(({ items: [first] }) => (
  first?.item === token ? first : { item: token, title: "", category: "", semantic_id: [], missing: true }
)), (item) => !item.missing && !item.removed); // others may be added meanwhile
