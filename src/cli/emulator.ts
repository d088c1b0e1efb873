import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAzureEmulator } from '../../emulator/azure/emulator.ts'
import type { SeedDocument } from '../../emulator/azure/state/seed-document.ts'
import { startKubeEmulator } from '../../emulator/kube/kube-emulator.ts'
import { untilAborted } from '../base/deadline.ts'
import { errorText, OperatorError } from '../base/errors.ts'
import { Owner } from '../base/lifecycle.ts'
import type { ValuesOf } from './flag.ts'
import { flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { EMULATOR_FLAGS } from './tool-flags.ts'

/** `podid emulator azure|kube`: until the stop signal. */
export async function runEmulator({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, EMULATOR_FLAGS, environment)
  const what = command.args[0]
  const owner = new Owner()
  try {
    if (what === 'azure') await runAzure(flags, owner)
    else if (what === 'kube') await runKube(flags, owner)
    else throw new OperatorError(`there is no emulator ${JSON.stringify(what)}: azure or kube`)
    await untilAborted(stop)
  } finally {
    await owner.close()
  }
  return 0
}

type Flags = ValuesOf<typeof EMULATOR_FLAGS>

async function runAzure(flags: Flags, owner: Owner): Promise<void> {
  const azure = await startAzureEmulator({
    host: flags.host,
    port: flags.port,
    adminPort: 0,
    randomSeed: flags.seed,
    imds: [{ host: flags.host }],
    ...(flags.state === '' ? {} : { seed: await seedOf(flags.state) }),
  })
  owner.own(() => azure.close())
  const caFile = await temporaryFile(`podid-azure-${process.pid}.pem`, azure.caPem, owner)
  console.log(`Entra and ARM  ${azure.armUrl}`)
  console.log(`Key Vault      ${azure.vaultUrl('<name>')}`)
  console.log(`IMDS           ${azure.imds.doors.map((door) => door.url).join(', ')}`)
  console.log(`admin          ${azure.adminUrl ?? ''}`)
  console.log(`CA             export NODE_EXTRA_CA_CERTS=${caFile}`)
}

async function runKube(flags: Flags, owner: Owner): Promise<void> {
  const kube = await startKubeEmulator({ host: flags.host, port: flags.port, admin: true })
  owner.own(() => kube.close())
  const file = await temporaryFile(`podid-kube-${process.pid}.yaml`, kube.kubeconfig(), owner)
  console.log(`API server     ${kube.url}`)
  console.log(`admin          ${kube.adminUrl ?? ''}`)
  console.log(`kubeconfig     export KUBECONFIG=${file}`)
}

/** @throws OperatorError for a file that cannot be read or holds no JSON; the emulator checks its fields. */
async function seedOf(file: string): Promise<SeedDocument> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as SeedDocument
  } catch (thrown) {
    throw new OperatorError(`--state ${file}: ${errorText(thrown)}`, { cause: thrown })
  }
}

async function temporaryFile(name: string, content: string, owner: Owner): Promise<string> {
  const file = join(tmpdir(), name)
  await writeFile(file, content, { mode: 0o600 })
  owner.own(() => rm(file, { force: true }))
  return file
}
