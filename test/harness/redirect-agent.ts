import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/base/clock.ts'
import { errorText } from '../../src/base/errors.ts'
import { createCommandRunner } from '../../src/nmi/redirect/command-runner.ts'
import { createRedirect, type RedirectConfig } from '../../src/nmi/redirect/redirect.ts'
import { createLog } from '../../src/telemetry/log.ts'

/**
 * The redirect alone, as a process inside a node's namespace: a server that answers with the address of
 * its caller stands in for the node agent. Its configuration is the first argument, as JSON. It prints
 * one JSON object a line, and obeys one word a line: plan, status, cleanup, stop.
 */
const config = JSON.parse(process.argv[2] ?? '{}') as RedirectConfig
const say = (event: Record<string, unknown>): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

const redirect = createRedirect(config, {
  clock: systemClock,
  run: createCommandRunner(systemClock),
  log: createLog({
    verbosity: 5,
    format: 'json',
    component: 'redirect',
    write: (line) => say({ ...(JSON.parse(line) as Record<string, unknown>), event: 'log' }),
  }),
  metrics: {
    rulesChecked: (outcome) => say({ event: 'checked', outcome }),
    connectionsCut: (count) => say({ event: 'cut', count }),
  },
})

const server = createServer((request, response) => {
  response.end(`agent saw ${request.socket.remoteAddress ?? ''}`)
})

async function obey(word: string): Promise<void> {
  if (word === 'plan') say({ event: 'plan', text: await redirect.plan() })
  if (word === 'cleanup') say({ event: 'cleanup', done: await redirect.cleanup() })
  if (word === 'status') say({ event: 'status', ...redirect.status() })
  if (word !== 'stop') return
  await redirect.stop()
  server.close()
  server.closeAllConnections()
  say({ event: 'stopped' })
  commands.close()
}

const commands = createInterface({ input: process.stdin })
commands.on('line', (word) => {
  obey(word).catch((thrown: unknown) => say({ event: 'failed', word, error: errorText(thrown) }))
})

/** With `only-commands` nothing is started: the process is there to plan or to clean up. */
async function begin(): Promise<void> {
  if (process.argv[3] === 'only-commands') return
  await redirect.preflight()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  server.listen(config.addresses.listenPort, config.addresses.listenAddress, () => resolve(undefined))
  await promise
  await redirect.start()
}

try {
  await begin()
  say({ event: 'ready', ...redirect.status() })
} catch (thrown) {
  say({ event: 'refused', error: errorText(thrown) })
  await obey('stop')
}
