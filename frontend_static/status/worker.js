// Hands out the status page's own files where the network does not, and does nothing else. What it hands out, offline.js kept.
const FILES = "return-page";
const OURS = /^\/(?:s$|static\/|lib\/)/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  const isOurs = origin === self.location.origin && event.request.method === "GET" && OURS.test(pathname);
  if (isOurs) event.respondWith(fetch(event.request).catch(() => kept(pathname)));
});

async function kept(pathname) {
  return (await (await caches.open(FILES)).match(pathname)) ?? Response.error();
}
