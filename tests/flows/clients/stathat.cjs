// Sends points with one of the two StatHat packages of npm, and prints the answers as JSON.
// Both know one host only, so that connections, and nothing else, are led to the server under test.
const http = require("node:http");
const net = require("node:net");

const { library, port, key, points } = JSON.parse(process.argv[2]);
http.Agent.prototype.createConnection = (_options, connected) =>
  net.createConnection({ host: "127.0.0.1", port }, connected);

const client = require(library);
const send = ({ name, kind, amount, at_s }) =>
  new Promise((resolve) => {
    const answered = (status, body) => resolve([status, Buffer.isBuffer(body) ? JSON.parse(body) : body]);
    const call = `trackEZ${kind}`;
    if (at_s === undefined) client[call](key, name, amount, answered);
    else client[`${call}WithTime`](key, name, amount, at_s, answered);
  });

Promise.all(points.map(send)).then((answers) => {
  console.log(JSON.stringify(answers));
  // Kept connections would hold the process.
  process.exit(0);
});
