/** The pictures that were searched by: kept in this browser, so that back and reload find them. */

const KEPT = 30;
const inMemory = new Map();

/** Keep pictures under a new key. @param {File[]} files @returns {Promise<string>} */
export async function keep(files) {
  const key = Date.now().toString(36) + Math.random().toString(36).slice(2, 6);
  inMemory.set(key, files);
  // Where the browser keeps nothing, as in a private window, the memory has to do.
  await store(async (pictures) => {
    pictures.put(files, key);
    const keys = await done(pictures.getAllKeys());
    for (const old of keys.sort().slice(0, -KEPT)) pictures.delete(old);
  }).catch(() => {});
  return key;
}

/** The pictures of a key, or null where they are on another machine, or gone. */
export async function recall(key) {
  if (!inMemory.has(key)) {
    const found = await store((pictures) => done(pictures.get(key))).catch(() => null);
    if (found) inMemory.set(key, found);
  }
  return inMemory.get(key) ?? null;
}

async function store(act) {
  const opening = indexedDB.open("hashlens", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("queries");
  const db = await done(opening);
  try {
    return await act(db.transaction("queries", "readwrite").objectStore("queries"));
  } finally {
    db.close();
  }
}

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
