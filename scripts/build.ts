/**
 * `npm run build`: one readable ESM bundle with its source map, dist/podid.js. Code that only MIC or the
 * demo needs is split off and loaded on demand, so the node agent's start does not read it.
 */
import { chmodSync, rmSync, statSync } from 'node:fs'
import { build } from 'esbuild'

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
