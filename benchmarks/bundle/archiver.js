// What others do: archiver in store mode, straight into the answer.
// node archiver.js FOLDER, prints its port.
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const archiver = require("archiver");

const folder = process.argv[2];
const names = fs.readdirSync(folder).sort();

const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "application/zip");
  const archive = archiver("zip", { store: true });
  archive.on("error", (error) => response.destroy(error));
  archive.pipe(response);
  for (const name of names) archive.file(path.join(folder, name), { name });
  archive.finalize();
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
