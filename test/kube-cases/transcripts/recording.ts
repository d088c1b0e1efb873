import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import type { CaseWorld } from '../case-world.ts'
import { type Exchange, type Script, transcribe } from './transcript.ts'

/** What kube-apiserver 1.35.4 answered, one exchange a line. */
function fileOf(script: Script): URL {
  return new URL(`generated/${script.name}.json`, import.meta.url)
}

/** Runs a script against a real API server and keeps what it says. */
export async function record(script: Script, world: CaseWorld): Promise<void> {
  const lines = (await transcribe(script, world)).map((each) => JSON.stringify(each))
  await writeFile(fileOf(script), `[\n${lines.join(',\n')}\n]\n`)
}

/** Runs a script and compares every answer with the recorded one. @throws AssertionError at the first other one. */
export async function compareWithRecording(script: Script, world: CaseWorld): Promise<void> {
  const recorded = JSON.parse(await readFile(fileOf(script), 'utf8')) as readonly Exchange[]
  const said = await transcribe(script, world)
  for (const [at, exchange] of said.entries()) assert.deepEqual(exchange, recorded[at])
  assert.equal(said.length, recorded.length)
}
