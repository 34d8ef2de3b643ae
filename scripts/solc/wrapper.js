// The npm package `solc` behind the command line of a native compiler, for tools that expect one:
// py-solc-x, brownie, forge and slither. Standard JSON comes on stdin and goes to stdout; imports
// are read from --base-path, the --include-path folders and the working directory. What other
// options a caller gives (--allow-paths among them) changes nothing here, and is ignored.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const solc = require("../../node_modules/solc");

const args = process.argv.slice(2);
if (args.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
  process.exit(0);
}
if (!args.includes("--standard-json")) {
  console.error("only --version and --standard-json (input on stdin) are supported");
  process.exit(1);
}

const valuesOf = (option) =>
  args.flatMap((arg, i) =>
    arg === option ? [args[i + 1]] : arg.startsWith(`${option}=`) ? [arg.slice(option.length + 1)] : []);
const roots = [...valuesOf("--base-path"), ...valuesOf("--include-path"), process.cwd()];

function readImport(name) {
  const candidates = roots.map((root) => path.resolve(root, name));
  const found = candidates.find((file) => fs.existsSync(file));
  return found ? { contents: fs.readFileSync(found, "utf8") } : { error: `File not found: ${name}` };
}

process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), { import: readImport }));
