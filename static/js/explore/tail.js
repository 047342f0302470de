// What keeps an open chart current: events of its metrics, a window that moves with the clock, or asking.

const SOON_MS = 100;
const BETWEEN_MS = 600;
const POLL_MS = 5000;
const SLIDE_SHORTEST_MS = 5000;
const SLIDE_LONGEST_MS = 60_000;

/**
 * Watches the metrics of a chart; `onPoints(earliest)` hears of points from an instant on (null: anywhere),
 * `onMove()` that time went on, `onAsk()` that it is time to ask as nothing is heard, `onState(name)` "live",
 * "polling" or "paused". Each returns a promise: only one of them runs at a time.
 */
export class Tail {
  constructor(live, { onPoints, onMove, onAsk, onState }) {
    this.live = live;
    this.calls = { onPoints, onMove, onAsk, onState };
    this.watched = new Map();
    this.lost = new Set();
    this.waiting = null;
    this.earliest = Infinity;
    this.lastRun = 0;
    this.isRunning = false;
    this.isPaused = false;
    this.slide = 0;
    live.addEventListener("statechange", () => this.#tellState());
    setInterval(() => this.#ask(), POLL_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#run(() => this.calls.onAsk());
    });
  }

  /** Watch these keys and no others. */
  watch(keys) {
    const wanted = new Set(keys);
    for (const [key, stop] of this.watched) {
      if (wanted.has(key)) continue;
      stop();
      this.watched.delete(key);
      this.lost.delete(key);
    }
    for (const key of wanted) if (!this.watched.has(key)) this.watched.set(key, this.#subscribe(key));
    this.#tellState();
  }

  #subscribe(key) {
    const all = () => this.#heard(null);
    return this.live.subscribe(`metrics.${key}`, (event) => this.#event(event), {
      onReady: all, // what the page fetched before may be old
      onReset: all,
      onLost: () => {
        this.lost.add(key);
        this.#tellState();
      },
    });
  }

  #event({ type, data }) {
    if (type === "metrics.points_changed" || (type === "metrics.points" && data.truncated)) this.#heard(null);
    else if (type === "metrics.points") this.#heard(Math.min(...data.points.map(([epochS]) => epochS)));
  }

  #heard(earliest) {
    if (this.isPaused) return;
    this.earliest = Math.min(this.earliest, earliest ?? -Infinity);
    this.#soon();
  }

  #soon() {
    if (this.waiting) return;
    const wait = Math.max(SOON_MS, BETWEEN_MS - (performance.now() - this.lastRun));
    this.waiting = setTimeout(() => {
      this.waiting = null;
      if (this.isRunning) return this.#soon();
      const { earliest } = this;
      this.earliest = Infinity;
      return this.#run(() => this.calls.onPoints(earliest === -Infinity ? null : earliest));
    }, wait);
  }

  /** Move a window of so many seconds with the clock; 0 ends that. */
  follow(span) {
    clearInterval(this.slide);
    this.slide = 0;
    if (!span) return;
    const everyMs = Math.min(Math.max((span * 1000) / 300, SLIDE_SHORTEST_MS), SLIDE_LONGEST_MS);
    this.slide = setInterval(() => {
      if (this.live.isOpen && !document.hidden) this.#run(() => this.calls.onMove());
    }, everyMs);
  }

  /** Stop, or go on with what came meanwhile. */
  pause(isPaused) {
    this.isPaused = isPaused;
    this.#tellState();
    if (!isPaused) this.#run(() => this.calls.onAsk());
  }

  #ask() {
    if (this.#state() === "polling" && this.watched.size > 0 && !document.hidden)
      this.#run(() => this.calls.onAsk());
  }

  async #run(work) {
    if (this.isPaused || this.isRunning) return;
    this.isRunning = true;
    this.lastRun = performance.now();
    try {
      await work();
    } finally {
      this.isRunning = false;
    }
  }

  #state() {
    if (this.isPaused) return "paused";
    return this.live.isOpen && this.lost.size === 0 ? "live" : "polling";
  }

  #tellState() {
    this.calls.onState(this.#state());
  }
}
