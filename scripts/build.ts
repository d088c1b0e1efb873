/** `npm run build`: the bundle in dist/, and the sizes of its larger parts. */
import { statSync } from 'node:fs'
import { bundle } from './bundle.ts'

const { outputs } = await bundle('dist', { sourceMaps: true })
for (const file of Object.keys(outputs).filter((each) => each.endsWith('.js'))) {
  const kilobytes = Math.round(statSync(file).size / 1024)
  if (kilobytes > 50 || file === 'dist/podid.js') console.log(`${String(kilobytes).padStart(6)} KB  ${file}`)
}
