/** `node remove.ts <number>`: removes what a cluster left whose harness is dead. */
import { systemClock } from '../../../src/base/clock.ts'
import { claimOf, removeCluster } from './claim.ts'

await removeCluster(claimOf(Number(process.argv[2])), systemClock)
