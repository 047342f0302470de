// SHA-256 of a file, in hexadecimal. Browsers compute it only on https and localhost; elsewhere this does.

const BLOCK_BYTES = 64;
const PIECE_BYTES = 1 << 20;
const ROUNDS = 64;

// Fractional parts of the square and cube roots of the first primes (FIPS 180-4, sections 4.2.2 and 5.3.3).
const primes = [];
for (let number = 2; primes.length < ROUNDS; number += 1) {
  if (primes.every((prime) => number % prime)) primes.push(number);
}
const fraction = (value) => ((value - Math.floor(value)) * 2 ** 32) | 0;
const CONSTANTS = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

const rotate = (value, bits) => (value >>> bits) | (value << (32 - bits));

/** The digest of a File or Blob. */
export async function sha256(file) {
  if (globalThis.crypto?.subtle) {
    return hex(new DataView(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())));
  }
  return digest(file);
}

/** The same without the browser's help, a piece at a time. */
export async function digest(file) {
  const state = START.slice();
  const words = new Int32Array(ROUNDS);
  let rest = new Uint8Array(0);
  for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
    const piece = new Uint8Array(await file.slice(offset, offset + PIECE_BYTES).arrayBuffer());
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    rest = bytes.slice(absorb(state, words, bytes));
  }
  absorb(state, words, padded(rest, file.size));
  const view = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => view.setInt32(4 * index, word));
  return hex(view);
}

/** Take in every whole block; return how many bytes that were. */
function absorb(state, words, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  for (; offset + BLOCK_BYTES <= bytes.length; offset += BLOCK_BYTES) {
    for (let index = 0; index < 16; index += 1) words[index] = view.getInt32(offset + 4 * index);
    expand(words);
    compress(state, words);
  }
  return offset;
}

function expand(words) {
  for (let index = 16; index < ROUNDS; index += 1) {
    const [early, late] = [words[index - 15], words[index - 2]];
    const first = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
    const second = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
    words[index] = words[index - 16] + first + words[index - 7] + second;
  }
}

function compress(state, words) {
  let [a, b, c, d, e, f, g, h] = state;
  for (let index = 0; index < ROUNDS; index += 1) {
    const high = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const one = (h + high + ((e & f) ^ (~e & g)) + CONSTANTS[index] + words[index]) | 0;
    const low = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const two = (low + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => {
    state[index] += word;
  });
}

function padded(rest, size) {
  const length = Math.ceil((rest.length + 9) / BLOCK_BYTES) * BLOCK_BYTES;
  const bytes = new Uint8Array(length);
  bytes.set(rest);
  bytes[rest.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(length - 8, Math.floor(size / 2 ** 29));
  view.setUint32(length - 4, (size * 8) >>> 0);
  return bytes;
}

function hex(view) {
  return Array.from({ length: view.byteLength }, (_, index) =>
    view.getUint8(index).toString(16).padStart(2, "0"),
  ).join("");
}
