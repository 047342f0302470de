// Files sent in pieces that survive a broken connection, a reload and a restarted server (tus 1.0.0).

import "tus-js-client";
import { Problem, problemOf, unsafeHeaders } from "../problems.js";

// The library is no module: it puts itself into the window.
const { Upload } = globalThis.tus;
const PIECE_BYTES = 8 * 1024 * 1024;
const RETRY_AFTER_MS = [0, 1000, 3000, 5000, 10000, 20000];

/**
 * Send one file; returns its upload id.
 *
 * `onProgress(bytes)` hears how much of the file is there. Aborting `signal` stops; the pieces that are there
 * stay, and the same file goes on from them when it is sent again.
 */
export async function sendFile(file, { endpoint, onProgress, signal }) {
  const upload = new Upload(file, {
    endpoint,
    chunkSize: PIECE_BYTES,
    retryDelays: RETRY_AFTER_MS,
    metadata: { filename: file.name, filetype: file.type || "application/octet-stream" },
    removeFingerprintOnSuccess: true,
    onBeforeRequest: (request) => {
      request.setHeader("X-CSRFToken", unsafeHeaders()["X-CSRFToken"]);
    },
    onProgress: (sent) => onProgress(sent),
  });
  const finished = new Promise((resolve, reject) => {
    upload.options.onSuccess = () => resolve(upload.url.split("/").at(-1));
    upload.options.onError = (error) => reject(problemIn(error));
  });
  const earlier = await upload.findPreviousUploads();
  if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
  signal.addEventListener("abort", () => upload.abort());
  upload.start();
  return Promise.race([finished, aborted(signal)]);
}

function aborted(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("The upload was stopped.", "AbortError")));
  });
}

function problemIn(error) {
  const response = error.originalResponse;
  if (!response) return new Problem(0);
  return problemOf(response.getStatus(), response.getBody(), response.getHeader("X-Request-Id"));
}
