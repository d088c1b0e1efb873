import { chmodSync, rmSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { build, type Metafile, type Plugin } from 'esbuild'

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

/**
 * One readable ESM bundle: `podid.js` in `folder`, which is emptied first. Code that only MIC or the demo
 * needs is split off and loaded on demand, so the node agent's start does not read it. With source maps
 * the names of its parts depend on where `folder` is, without them only on the source.
 * Returns what went into it; paths are relative to the repository.
 */
export async function bundle(
  folder: string,
  { sourceMaps }: { readonly sourceMaps: boolean },
): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true })
  const { metafile } = await build({
    entryPoints: { podid: 'src/main.ts' },
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    sourcemap: sourceMaps,
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
  chmodSync(join(folder, 'podid.js'), 0o755)
  return metafile
}
