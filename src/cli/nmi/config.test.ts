import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nmiConfig } from '../../nmi/config.ts'
import { flagCommand, flagValues } from '../flag-command.ts'
import { NMI_FLAGS } from '../nmi-flags.ts'
import { nmiConfigOf } from './config.ts'

test('what tests run when they say nothing is what the flags ship', () => {
  const flags = flagValues(flagCommand('nmi', '', NMI_FLAGS), NMI_FLAGS, {})
  // Two agents on one port: only where podid redirects.
  assert.deepEqual(nmiConfigOf(flags), nmiConfig({ shared: true }))
})
