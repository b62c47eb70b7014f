import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const lines = readFileSync("index.txt", "utf8").trim().split("\n");
mkdirSync("dist", { recursive: true });
writeFileSync("dist/index.html", `<!doctype html><title>${lines[0]}</title><p>${lines.slice(1).join("<br>")}</p>\n`);
