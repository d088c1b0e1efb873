/**
 * `node test/kube-cases/record.ts [kubeconfig]`: asks a real API server everything that the scripts ask and keeps
 * the answers in `transcripts/generated/`, which `npm test` holds the emulator against. For a new release of
 * Kubernetes, or a new script. Without a kubeconfig it starts a server of its own.
 */
import { openCaseWorld } from './case-world.ts'
import { chooseServer } from './chosen-server.ts'
import { SCRIPTS } from './transcripts/all-scripts.ts'
import { record } from './transcripts/recording.ts'

const server = await chooseServer(process.argv[2])
const cleaning: (() => unknown)[] = []
const context = { after: (clean: () => unknown) => void cleaning.push(clean), skip: () => {} }
try {
  for (const script of SCRIPTS) {
    const world = await openCaseWorld(context, server.subject)
    try {
      await record(script, world)
    } finally {
      await world.close()
    }
  }
  for (const clean of cleaning) await clean()
} finally {
  await server.close()
}
