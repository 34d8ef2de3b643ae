// Server-sent events by hand: EventSource cannot send an Authorization header, and the token must not be in a URL.

/**
 * Splits a stream of text into events. Returns a function that takes the next piece of text and returns the events
 * it completed, each `{ event, data }`. Comments (keep-alives) yield nothing.
 */
export function eventParser() {
  let rest = "";
  let event = "";
  let data = [];
  return (text) => {
    const events = [];
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) events.push({ event: event || "message", data: data.join("\n") });
        event = "";
        data = [];
        continue;
      }
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (field === "event") event = value;
      if (field === "data") data.push(value);
    }
    return events;
  };
}
