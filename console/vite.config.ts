import { defineConfig } from "vite";

// The pages are served below a path that nobody knows when they are built, so every
// address in them is relative. What is built is committed, so it must be the same
// each time: nothing here depends on the machine, the time or the folder.
export default defineConfig(({ command }) => ({
  base: command === "serve" ? "/console/" : "./",
  build: {
    outDir: "../internal/console/dist",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the policy allows no scripts or styles inside pages
    reportCompressedSize: false,
    rolldownOptions: {
      input: ["index.html", "demo/index.html", "demo/viewer.html"],
    },
  },
  server: {
    // npm run dev shows the pages of a server on this machine.
    proxy: {
      "^/(?!console/)": { target: "http://127.0.0.1:8080", ws: true },
      "/console/settings.json": "http://127.0.0.1:8080",
    },
  },
}));
