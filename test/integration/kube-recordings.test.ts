/** The emulated API server says what a real one said when it was asked the same. */
import { test } from 'node:test'
import { startTestKube } from '../harness/kube-emulator.ts'
import { openCaseWorld } from '../kube-cases/case-world.ts'
import { SCRIPTS } from '../kube-cases/transcripts/all-scripts.ts'
import { compareWithRecording } from '../kube-cases/transcripts/recording.ts'

for (const script of SCRIPTS) {
  test(`the emulator answers the script ${script.name} as kube-apiserver does`, async (t) => {
    await compareWithRecording(script, await openCaseWorld(t, await startTestKube(t)))
  })
}
