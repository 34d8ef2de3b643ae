// Keeps the page up to date: a plain request, then a stream of changes. Where streams do not get through, the plain
// request before each attempt is the polling.
import { Problem, request, requestJson } from "../shared/api.js";
import { eventParser } from "../shared/sse.js";

const BACKOFF_SECONDS = [1, 2, 4, 8, 15];
const SILENCE_MS = 45_000; // three missed keep-alives: the line is dead

/**
 * Follows a case until `signal` aborts or the link stops working.
 *
 * `onView(view)` gets each new view. `onConnection(state, problem)` gets "live" (changes come as they happen),
 * "polling" (they come at the next request) or "offline" (the last request failed, `problem` says how).
 * `onRefused(problem)` ends it: the link does not work.
 */
export async function follow({ token, signal, onView, onConnection, onRefused }) {
  let attempt = 0;
  const onOpen = () => {
    attempt = 0;
    onConnection("live");
  };
  while (!signal.aborted) {
    let seconds = BACKOFF_SECONDS[Math.min(attempt, BACKOFF_SECONDS.length - 1)];
    attempt += 1;
    try {
      onView(await requestJson("/v1/status", { token, signal }));
      await readStream({ token, signal, onView, onOpen }).catch(rethrowRefusal);
      if (!signal.aborted) onConnection("polling");
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      if (problem.isFinal) return void onRefused(problem);
      onConnection("offline", problem);
      seconds = problem.retryAfter ?? seconds;
    }
    await pause(seconds, signal);
  }
}

/** A stream that breaks or is not offered is no reason to stop; a link that was refused is. */
function rethrowRefusal(error) {
  if (error instanceof Problem && [401, 403].includes(error.status)) throw error;
}

async function readStream({ token, signal, onView, onOpen }) {
  const silence = new AbortController();
  const stop = () => silence.abort();
  signal.addEventListener("abort", stop);
  let timer = setTimeout(stop, SILENCE_MS);
  try {
    const options = { token, signal: silence.signal, accept: "text/event-stream" };
    const response = await request("/v1/status/stream", options);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parse = eventParser();
    onOpen();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_MS);
      for (const { event, data } of parse(value)) if (event === "status") onView(JSON.parse(data));
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** Waits, or less: until the machine is online again or the person comes back to the page. */
function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, seconds * 1000);
    const onVisible = () => document.visibilityState === "visible" && done();
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      window.removeEventListener("online", done);
      document.removeEventListener("visibilitychange", onVisible);
      resolve();
    }
    signal.addEventListener("abort", done);
    window.addEventListener("online", done);
    document.addEventListener("visibilitychange", onVisible);
  });
}
