/** examples/postgres-two-steps, with a real PostgreSQL. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TENANT } from '../../make/objects.ts'
import { until } from '../cluster/until.ts'
import { rootImage } from '../csi-driver/driver-images.ts'
import { type Postgres, startPostgres } from '../csi-driver/postgres.ts'
import { VaultScene } from '../csi-driver/vault-scene.ts'
import type { Place } from '../place.ts'
import { rolledOut } from '../rollout.ts'
import type { Scenario } from '../scenario.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', '..', 'examples', 'postgres-two-steps')
const IMAGE = { repository: 'podid.test/postgres-two-steps', tag: '1' } as const
const REPLICAS = 2

interface Line {
  readonly at: string
  readonly user?: string
  readonly rows?: number
  readonly error?: string
}

/** What each pod of the application wrote. */
async function logs(place: Place): Promise<Line[][]> {
  const pods = await place.podNames('app=orders')
  return Promise.all(
    pods.map(async (pod) => {
      const text = await place.existing(pod).logs()
      return text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Line)
    }),
  )
}

async function whenAll(place: Place, user: string): Promise<void> {
  await until(`all write as ${user}`, { deadlineMs: 90_000 }, async () => {
    const all = await logs(place)
    return all.length === REPLICAS && all.every((lines) => lines.at(-1)?.user === user)
  })
}

/** The README's function of that name. @returns the password */
async function use(scene: VaultScene, postgres: Postgres, role: string): Promise<string> {
  const password = randomBytes(24).toString('hex')
  await postgres.sql(`alter role ${role} password '${password}'`)
  await scene.vault.setSecret('database-url', `postgres://${role}:${password}@${postgres.address}/postgres`)
  return password
}

const example: Scenario = {
  name: 'keyvault-postgres-two-steps',
  proves:
    'the example of the documentation runs: an application logs in to a real PostgreSQL with a password that stands only in Key Vault, and goes on without one failed connect while the password is changed there and in the vault, twice',
  keyVault: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const { cluster, kubectl } = world
    const program = { name: 'postgres-two-steps', module: join(EXAMPLE, 'app'), main: '.' }
    await cluster.importImage(await rootImage(IMAGE, program, world))
    const postgres = await startPostgres(cluster.node('blue-0'))
    await postgres.sql(await readFile(join(EXAMPLE, 'database.sql'), 'utf8'))
    const scene = new VaultScene(place, world)
    const orders = place.identity('orders')
    scene.vault.allow(orders.clientId, { secrets: ['get'] })
    const passwords = [await use(scene, postgres, 'orders_a')]
    const manifests = await readFile(join(EXAMPLE, 'app.yaml'), 'utf8')
    const variables: Readonly<Record<string, string>> = {
      IDENTITY_ID: orders.id,
      CLIENT_ID: orders.clientId,
      VAULT: scene.vault.name,
      TENANT,
      IMAGE: `${IMAGE.repository}:${IMAGE.tag}`,
    }
    const filled = manifests.replaceAll(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
      return variables[name] ?? assert.fail(`the example has a variable ${name}`)
    })
    await kubectl.ok(['--namespace', place.namespace, 'apply', '-f', '-'], filled)
    await rolledOut(world.reads, place.namespace, 'deployments/orders')
    await whenAll(place, 'orders_a')
    for (const [next, before] of [
      ['orders_b', 'orders_a'],
      ['orders_a', 'orders_b'],
    ] as const) {
      passwords.push(await use(scene, postgres, next))
      await whenAll(place, next)
      await postgres.sql(`alter role ${before} password null`)
    }
    const all = await logs(place)
    assert.deepEqual(
      all.flat().filter(({ error }) => error !== undefined),
      [],
    )
    const written = all.flat().length
    const rows = Number(await postgres.sql('select count(*) from orders'))
    assert.ok(rows >= written && written > 0, `${rows} rows of ${written} lines`)
    world.say(`       ${rows} orders, two new passwords, no failed connect`)
    const kinds =
      'pods,deployments,secrets,configmaps,secretproviderclasses,secretproviderclasspodstatuses,events'
    const objects = await kubectl.ok(['get', kinds, '-A', '-o', 'yaml'])
    for (const each of passwords) {
      assert.ok(!objects.includes(each), 'a password is in an object of the cluster')
      assert.ok(!objects.includes(Buffer.from(each).toString('base64')))
    }
  },
}

export const KEYVAULT_EXAMPLE: readonly Scenario[] = [example]
