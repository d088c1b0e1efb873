import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { originOf } from './origin.ts'

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'podid-origin-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('the time is that of the last commit, and the revision tells whether tracked files differ from it', async (context) => {
  const folder = folderOf(context)
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=n', '-c', 'user.email=e@example.test', ...args], {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        GIT_COMMITTER_DATE: '1700000000 +0000',
        GIT_CONFIG_GLOBAL: '/dev/null',
      },
      stdio: 'pipe',
    }).trim()
  git('init', '--quiet')
  writeFileSync(join(folder, 'file'), 'one')
  git('add', 'file')
  git('commit', '--quiet', '--message', 'first')
  const revision = git('rev-parse', 'HEAD')
  writeFileSync(join(folder, 'untracked'), '')
  assert.deepEqual(await originOf(folder, {}), { created: new Date(1_700_000_000_000), revision })
  writeFileSync(join(folder, 'file'), 'two')
  assert.deepEqual(await originOf(folder, {}), {
    created: new Date(1_700_000_000_000),
    revision: `${revision}-modified`,
  })
})

test('SOURCE_DATE_EPOCH wins, nonsense in it is refused, and without a repository the time is 1970', async (context) => {
  const folder = folderOf(context)
  assert.deepEqual(await originOf(folder, {}), { created: new Date(0), revision: undefined })
  const { created } = await originOf(folder, { SOURCE_DATE_EPOCH: '1600000000' })
  assert.equal(created.toISOString(), '2020-09-13T12:26:40.000Z')
  for (const wrong of ['', 'now', '-1', '1.5', '999999999999999']) {
    await assert.rejects(originOf(folder, { SOURCE_DATE_EPOCH: wrong }), /SOURCE_DATE_EPOCH is no time/)
  }
})
