// One websocket to /ws/live for a page: subscribe to topics, come back after a drop without losing an event.
//
//   import { LiveConnection } from "./live.js";
//   const live = new LiveConnection();
//   const stop = live.subscribe("datasets.<id>", (event) => draw(event.type, event.data), { onReset: refetch });
//
// <html data-live> says "connecting", "open" or "offline", for the note in the page's head; "statechange" is
// dispatched with it. While nothing is open, `pollWhileClosed` keeps a page current by asking.

const SUBPROTOCOL = "sextant.v1";
const BACKOFF_FIRST_MS = 500;
const BACKOFF_LAST_MS = 15_000;
const PING_EVERY_MS = 25_000;
const PONG_LIMIT_MS = 10_000;
const RETRY_TOPIC_MS = 2_000;
const POLL_EVERY_MS = 5_000;

// Coming back cannot help: signed out, foreign origin, wrong address, no sign-in within five seconds.
const FINAL_CODES = new Set([4401, 4403, 4404, 4408]);
const TOO_MUCH = 4429;

/** What one topic of the page has seen, and who listens to it. */
class TopicState {
  listeners = new Set();
  seq = null;
  epoch = null;
  wasConfirmed = false;

  tell(callback, ...values) {
    for (const listener of [...this.listeners]) listener[callback]?.(...values);
  }
}

export class LiveConnection extends EventTarget {
  #url;
  #socket = null;
  #topics = new Map();
  #topicById = new Map();
  #nextId = 1;
  #attempt = 0;
  #state = "connecting";
  #wasWelcomed = false;
  #isClosed = false;
  #timers = { reconnect: 0, ping: 0, pong: 0 };

  /** Connect at once; `url` is for tests, the default is this site's. */
  constructor({ url = defaultUrl() } = {}) {
    super();
    this.#url = url;
    this.#setState("connecting");
    window.addEventListener("online", () => this.#reconnectNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#reconnectNow();
    });
    this.#connect();
  }

  /** Tell whether events arrive just now. */
  get isOpen() {
    return this.#state === "open";
  }

  get state() {
    return this.#state;
  }

  /**
   * Call `onEvent({topic, seq, epoch, type, at, data})` for each event of a topic, in order and once.
   *
   * onReady() comes when the topic is watched for the first time: what the page fetched before may be old.
   * onReset() comes when events are gone for good: fetch the state again. onLost(code) comes when the topic may
   * not be watched (any more). Returns a function that ends it.
   */
  subscribe(topic, onEvent, { onReady, onReset, onLost } = {}) {
    const isNew = !this.#topics.has(topic);
    const entry = this.#topics.get(topic) ?? new TopicState();
    const listener = { onEvent, onReady, onReset, onLost };
    entry.listeners.add(listener);
    this.#topics.set(topic, entry);
    if (isNew) this.#sendSubscribe(topic);
    else if (entry.wasConfirmed) queueMicrotask(() => onReady?.());
    return () => this.#unsubscribe(topic, entry, listener);
  }

  /** Call `ask()` every few seconds while nothing is open; returns a function that ends it. */
  pollWhileClosed(ask, everyMs = POLL_EVERY_MS) {
    const timer = setInterval(() => {
      if (!this.isOpen && !document.hidden) ask();
    }, everyMs);
    return () => clearInterval(timer);
  }

  /** End the connection for good. */
  close() {
    this.#isClosed = true;
    clearTimeout(this.#timers.reconnect);
    this.#socket?.close(1000);
    this.#setState("offline");
  }

  #connect() {
    clearTimeout(this.#timers.reconnect);
    this.#wasWelcomed = false;
    const socket = new WebSocket(this.#url, [SUBPROTOCOL]);
    this.#socket = socket;
    socket.addEventListener("message", (message) => {
      if (socket === this.#socket) this.#receive(JSON.parse(message.data));
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.#socket) this.#lose(code);
    });
  }

  #lose(code) {
    this.#socket = null;
    this.#stopHeartbeat();
    if (this.#isClosed) return;
    // A connection that was open and fell silent may come back; one that never was signed in may not.
    if (FINAL_CODES.has(code) && !(code === 4408 && this.#wasWelcomed)) {
      this.#isClosed = true;
      this.#setState("offline");
      this.dispatchEvent(new CustomEvent("refused", { detail: { code } }));
      return;
    }
    this.#setState(this.#attempt === 0 ? "connecting" : "offline");
    const ceiling = code === TOO_MUCH ? BACKOFF_LAST_MS : BACKOFF_FIRST_MS * 2 ** this.#attempt;
    const wait = Math.min(ceiling, BACKOFF_LAST_MS) * (0.5 + Math.random() / 2);
    this.#attempt += 1;
    this.#timers.reconnect = setTimeout(() => this.#connect(), wait);
  }

  #reconnectNow() {
    if (this.#isClosed) return;
    if (this.#socket === null) this.#connect();
    else this.#ping();
  }

  #receive(message) {
    clearTimeout(this.#timers.pong);
    const handlers = {
      welcome: () => this.#welcome(),
      subscribed: () => this.#confirm(message),
      unsubscribed: () => this.#loseTopic(message.topic, message.reason),
      event: () => this.#deliver(message),
      error: () => this.#fail(message),
    };
    handlers[message.op]?.();
  }

  #welcome() {
    this.#attempt = 0;
    this.#wasWelcomed = true;
    this.#setState("open");
    this.#timers.ping = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#topicById.clear();
    for (const topic of this.#topics.keys()) this.#sendSubscribe(topic);
  }

  #confirm({ topic, seq, epoch, reset }) {
    const entry = this.#topics.get(topic);
    if (!entry) return;
    entry.epoch = epoch;
    if (reset || entry.seq === null) entry.seq = seq;
    if (!entry.wasConfirmed) {
      entry.wasConfirmed = true;
      entry.tell("onReady");
    } else if (reset) {
      entry.tell("onReset");
    }
  }

  #deliver(event) {
    const entry = this.#topics.get(event.topic);
    if (!entry || (event.epoch === entry.epoch && event.seq <= entry.seq)) return;
    entry.seq = event.seq;
    entry.epoch = event.epoch;
    entry.tell("onEvent", event);
  }

  #fail({ id, code }) {
    const topic = this.#topicById.get(id);
    if (topic === undefined || !this.#topics.has(topic)) return;
    if (code === "live.unavailable" || code === "service.unavailable") {
      setTimeout(() => this.#topics.has(topic) && this.#sendSubscribe(topic), RETRY_TOPIC_MS);
    } else {
      this.#loseTopic(topic, code);
    }
  }

  #loseTopic(topic, reason) {
    const entry = this.#topics.get(topic);
    if (!entry || reason === "requested") return;
    this.#topics.delete(topic);
    entry.tell("onLost", reason);
  }

  #unsubscribe(topic, entry, listener) {
    entry.listeners.delete(listener);
    if (entry.listeners.size > 0 || this.#topics.get(topic) !== entry) return;
    this.#topics.delete(topic);
    this.#send({ op: "unsubscribe", id: String(this.#nextId++), topic });
  }

  #sendSubscribe(topic) {
    const { seq, epoch } = this.#topics.get(topic);
    const id = String(this.#nextId++);
    this.#topicById.set(id, topic);
    this.#send({ op: "subscribe", id, topic, ...(seq === null ? {} : { after: seq, epoch }) });
  }

  #send(message) {
    if (this.isOpen && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  // A browser does not show the server's pings, and a network that went away says nothing: so ask.
  #ping() {
    if (!this.isOpen) return;
    const socket = this.#socket;
    this.#send({ op: "ping", id: "ping" });
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => {
      if (socket !== this.#socket || socket === null) return;
      socket.close();
      this.#lose(1006); // its own close event may take a minute
    }, PONG_LIMIT_MS);
  }

  #stopHeartbeat() {
    clearInterval(this.#timers.ping);
    clearTimeout(this.#timers.pong);
  }

  #setState(state) {
    this.#state = state;
    if (document.documentElement.dataset.live === state) return;
    document.documentElement.dataset.live = state;
    this.dispatchEvent(new CustomEvent("statechange", { detail: { state } }));
  }
}

function defaultUrl() {
  const url = new URL("/ws/live", window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
