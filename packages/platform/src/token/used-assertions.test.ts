import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { openDatabase } from '../store/database.ts'
import { temporaryFolder } from '../test-support.ts'
import { UsedAssertions } from './used-assertions.ts'

const BY = { tenantId: 'tenant', appId: 'app' }

describe('used assertions', () => {
  it('are bounded: beyond the bound none is accepted until others have expired', async (t) => {
    const folder = await temporaryFolder()
    const db = await openDatabase(folder)
    t.after(async () => {
      await db.destroy()
      await rm(folder, { recursive: true, force: true })
    })
    let nowMs = 1_000_000
    const used = new UsedAssertions({ db, now: () => nowMs, rowsMax: 5, countedEvery: 2 })
    const use = () => used.use(BY, { jti: randomUUID(), exp: nowMs / 1000 + 600 })
    let accepted = 0
    await assert.rejects(
      async () => {
        for (; accepted < 100; accepted++) await use()
      },
      { name: 'TokenRefusal', aadsts: 90033 },
    )
    assert.ok(accepted >= 5 && accepted <= 6, String(accepted))
    nowMs += 900_000
    await assert.rejects(use(), { aadsts: 90033 })
    nowMs += 1
    await use()
    // What has expired counts no more, whether it has been deleted or not.
    assert.equal((await db.selectFrom('used_assertion').selectAll().execute()).length, accepted + 1)
  })
})
