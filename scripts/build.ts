/**
 * `npm run build`: one readable ESM bundle with its source map, dist/podid.js. Code that only MIC or the
 * demo needs is split off and loaded on demand, so the node agent's start does not read it.
 */
import { chmodSync, rmSync, statSync } from 'node:fs'
import http from 'node:http'
import { build, type Plugin } from 'esbuild'

/**
 * node:http by require instead of import. An import reads every export of a built-in module, and reading
 * `http.WebSocket` loads Node's fetch client and HTTP/2: 13 MB and 50 ms that the node agent never uses.
 */
const slimHttp: Plugin = {
  name: 'slim-http',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:http$/ }, ({ kind }) =>
      kind === 'require-call' ? { path: 'node:http', external: true } : { path: 'http', namespace: 'slim' },
    )
    bundler.onLoad({ filter: /.*/, namespace: 'slim' }, () => {
      const plain = Object.entries(Object.getOwnPropertyDescriptors(http))
        .filter(([, descriptor]) => descriptor.get === undefined)
        .map(([name]) => name)
      return {
        contents: `const http = require('node:http');\nexport const { ${plain.join(', ')} } = http;\nexport default http;`,
        loader: 'js',
      }
    })
  },
}

rmSync('dist', { recursive: true, force: true })
const result = await build({
  entryPoints: { podid: 'src/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: true,
  plugins: [slimHttp],
  metafile: true,
  keepNames: true,
  chunkNames: 'chunks/[name]-[hash]',
  // CommonJS packages inside an ES module still ask for require.
  banner: {
    js: [
      '#!/usr/bin/env node',
      "import { createRequire as podidCreateRequire } from 'node:module';",
      'const require = podidCreateRequire(import.meta.url);',
    ].join('\n'),
  },
  logLevel: 'warning',
})
chmodSync('dist/podid.js', 0o755)
for (const file of Object.keys(result.metafile.outputs).filter((each) => each.endsWith('.js'))) {
  const kilobytes = Math.round(statSync(file).size / 1024)
  if (kilobytes > 50 || file === 'dist/podid.js') console.log(`${String(kilobytes).padStart(6)} KB  ${file}`)
}
