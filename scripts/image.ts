/**
 * `npm run image`: podid's container image, written without a container engine (docs/image.md).
 * `--update-base` first takes the mirrors' current packages into scripts/image/base.lock.json; `--verify` builds
 * a second time and compares, then runs the image.
 */
import { rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import { CommandFailed } from './image/command.ts'
import { DebianPackageError } from './image/debian/apt.ts'
import { ARCHITECTURES, updateImageLock } from './image/product/lock-file.ts'
import { NodeBinaryError } from './image/product/node-binary.ts'
import { buildProduct, type Product, ProductImageError } from './image/product/product-image.ts'
import { proveImage } from './image/proof/image-proof.ts'

const repository = join(import.meta.dirname, '..')
const { values: options } = parseArgs({
  options: {
    name: { type: 'string', multiple: true, default: [] },
    architecture: { type: 'string', multiple: true, default: [...ARCHITECTURES] },
    out: { type: 'string', default: join(repository, 'build') },
    verify: { type: 'boolean', default: false },
    'update-base': { type: 'boolean', default: false },
  },
})
const architectures = ARCHITECTURES.filter((each) => options.architecture.includes(each))
if (architectures.length !== new Set(options.architecture).size) {
  throw new Error(`--architecture is one of ${ARCHITECTURES.join(', ')}`)
}

async function main(): Promise<void> {
  if (options['update-base']) {
    const { debian, node } = await updateImageLock(repository)
    console.log(`scripts/image/base.lock.json: Node ${node.version}, ${debian.amd64.length} Debian packages`)
  }
  const build = (out: string): Promise<Product> =>
    buildProduct({ repository, out, architectures, names: options.name })
  const product = await build(options.out)
  tell(product)
  console.log(`${relative(repository, product.archive)}, ${megabytes((await stat(product.archive)).size)}`)
  if (!options.verify) return
  const again = join(options.out, 'again')
  // Another folder, and what the shell of another user would make of new files.
  const umask = process.umask(0o077)
  const { digest } = await build(again)
  process.umask(umask)
  await rm(again, { recursive: true })
  if (digest !== product.digest) throw new Error(`a second build has another digest: ${digest}`)
  console.log('a second build has the same digest')
  await proveImage(product, packageJson.version, (line) => console.log(line))
}

function tell({ names, digest, platforms }: Product): void {
  console.log(`${names.join(', ')}@${digest}`)
  for (const { architecture, digest: manifest, layers } of platforms) {
    const sizes = layers.map(
      ({ descriptor, tarSize }) => `${megabytes(descriptor.size)} (${megabytes(tarSize)})`,
    )
    const total = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
    console.log(`  linux/${architecture} ${manifest}`)
    console.log(`    ${megabytes(total)} compressed; base, Node, podid: ${sizes.join(', ')}`)
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

try {
  await main()
} catch (thrown) {
  if (thrown instanceof DebianPackageError) {
    // A mirror keeps one version of a package; the lock file follows when Debian has a newer one.
    console.error(`${thrown.message}\nnpm run image -- --update-base takes the versions that are there now`)
  } else if (
    thrown instanceof NodeBinaryError ||
    thrown instanceof ProductImageError ||
    thrown instanceof CommandFailed
  ) {
    console.error(thrown.message)
  } else {
    console.error(thrown)
  }
  process.exitCode = 1
}
