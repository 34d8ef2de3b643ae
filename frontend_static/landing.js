// Shows the way to the outbox where there is one: on local runs only.
const answer = await fetch("/outbox/messages", { method: "HEAD" }).catch(() => null);
document.getElementById("outbox").hidden = !answer?.ok;
