// Sends a file with tus-js-client in one long request, goes on after breaks, and prints its address.
const fs = require("node:fs");
const tus = require("tus-js-client");

const { url, key, path, name, sha256 } = JSON.parse(process.argv[2]);
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint: url,
  headers: { "X-API-Key": key },
  metadata: { filename: name, sha256 },
  chunkSize: fs.statSync(path).size,
  uploadSize: fs.statSync(path).size,
  retryDelays: Array(60).fill(250),
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => {
    console.log(upload.url);
    process.exit(0);
  },
});
upload.start();
