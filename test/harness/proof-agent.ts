import { createInterface } from 'node:readline'
import { systemClock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { startCallerProof } from '../../src/cli/nmi/caller-proof.ts'
import { objectKey } from '../../src/model/names.ts'
import type { Pod } from '../../src/model/resources.ts'
import { nmiConfig } from '../../src/nmi/config.ts'
import { createCommandRunner } from '../../src/nmi/redirect/command-runner.ts'
import { createRedirect } from '../../src/nmi/redirect/redirect.ts'
import { createLog, silentLog } from '../../src/telemetry/log.ts'
import { makeAssigned, makeBinding, makeIdentity } from '../make/objects.ts'
import { put, startNmi } from './nmi-world.ts'
import { redirectConfig } from './redirect-config.ts'

/**
 * The node agent's request path and its packet rules, as a process inside a node's namespace. What a watch
 * would tell comes in as lines: `put <pod as JSON>` or `remove <name>`; each is answered by `done`. A pod gets a
 * token that names its label. With the argument `address-only` the caller is not
 * proven, with `patient` an unproven one is waited for for 20 seconds.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const owner = new Owner()
const log = createLog({
  component: 'proof',
  verbosity: 5,
  format: 'json',
  write: (line) => process.stderr.write(line),
})

const redirect = createRedirect(redirectConfig(), {
  clock: systemClock,
  run: createCommandRunner(systemClock),
  log: silentLog,
  metrics: { rulesChecked: () => {}, connectionsCut: () => {} },
})
await redirect.preflight()

const world = await startNmi({
  host: '127.0.0.1',
  port: 2579,
  // A test that waits for the event must not depend on how fast the machine is.
  ...(process.argv[2] === 'patient' ? { hold: { ...nmiConfig().hold, callerMs: 20_000 } } : {}),
  ...(process.argv[2] === 'address-only'
    ? {}
    : { proof: (pods) => startCallerProof({ pods, clock: systemClock, log, owner }) }),
})

for (const name of ['a', 'b', 'c']) {
  put(world.identities, makeIdentity({ name }))
  put(world.bindings, makeBinding({ name, azureIdentity: name, selector: name }))
}
await redirect.start()

for await (const line of createInterface({ input: process.stdin })) {
  if (line === '') say('ready')
  if (line.startsWith('put ')) {
    const pod = JSON.parse(line.slice(4)) as Pod
    const identity = makeIdentity({ name: pod.labels['aadpodidbinding'] ?? '' })
    put(world.assigned, makeAssigned({ pod: pod.name, identity }))
    put(world.pods, pod)
    say('done')
  }
  if (line.startsWith('remove ')) {
    world.pods.remove(objectKey('default', line.slice(7)))
    say('done')
  }
}
await redirect.stop()
await world[Symbol.asyncDispose]()
await owner.close()
