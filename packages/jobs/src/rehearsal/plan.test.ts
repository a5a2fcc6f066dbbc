import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Effect, effectOf } from './change.ts'
import { memoryCheckpoints } from './memory-checkpoints.ts'
import { PlanRecorder } from './plan.ts'

describe('effectOf', () => {
  const cases: readonly (readonly [string, string, object | undefined, Effect, string])[] = [
    ['POST', '/users', { displayName: 'x' }, 'created', '/users'],
    ['POST', '/users/7/revokeSignInSessions', {}, 'updated', '/users/7'],
    ['POST', '/groups/7/members/$ref', {}, 'updated', '/groups/7'],
    ['DELETE', '/groups/7/members/8/$ref', undefined, 'updated', '/groups/7'],
    ['PUT', '/users/7/manager/$ref', {}, 'updated', '/users/7'],
    ['PATCH', '/users/7?x=1', { jobTitle: 'x' }, 'updated', '/users/7'],
    ['PATCH', '/users/7', { accountEnabled: false, jobTitle: 'x' }, 'disabled', '/users/7'],
    ['patch', '/users/7', { accountEnabled: true }, 'updated', '/users/7'],
    ['DELETE', '/users/7', undefined, 'deleted', '/users/7'],
  ]
  for (const [method, path, body, effect, what] of cases)
    it(`says that ${method} ${path} is ${effect}`, () =>
      assert.deepEqual(effectOf(method, path, body), { effect, what }))
})

describe('PlanRecorder', () => {
  it('says of each thing once what would become of it, with what was there before', () => {
    const recorder = new PlanRecorder()
    recorder.read({ value: [{ id: '7', displayName: 'Åsa', jobTitle: 'Planner', accountEnabled: true }] })
    recorder.write('directory', { method: 'PATCH', path: '/users/7', body: { jobTitle: 'Head' } })
    recorder.write('directory', {
      method: 'PUT',
      path: '/users/7/manager/$ref',
      body: { '@odata.id': 'https://graph/users/8' },
    })
    recorder.write('directory', { method: 'PATCH', path: '/users/7', body: { accountEnabled: false } })
    const { counts, changes, omitted } = recorder.plan
    assert.deepEqual([counts, omitted], [{ created: 0, updated: 0, disabled: 1, deleted: 0 }, 0])
    assert.deepEqual(changes, [
      {
        what: '/users/7',
        effect: 'disabled',
        name: 'Åsa',
        fields: {
          jobTitle: { before: 'Planner', after: 'Head' },
          manager: { after: 'https://graph/users/8' },
          accountEnabled: { before: true, after: false },
        },
        requests: [
          { api: 'directory', method: 'PATCH', path: '/users/7' },
          { api: 'directory', method: 'PUT', path: '/users/7/manager/$ref' },
          { api: 'directory', method: 'PATCH', path: '/users/7' },
        ],
      },
    ])
  })

  it('gives what would be created an id by which the job can go on, and shows no password', () => {
    const recorder = new PlanRecorder()
    const body = {
      displayName: 'Berg',
      passwordProfile: { password: 'hush' },
      client: { secretText: 'hush' },
    }
    const id = recorder.write('directory', { method: 'POST', path: '/users', body }) ?? assert.fail('no id')
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.notEqual(recorder.write('directory', { method: 'POST', path: '/users', body }), id)
    recorder.write('directory', {
      method: 'PUT',
      path: `/users/${id}/manager/$ref`,
      body: { '@odata.id': 'x' },
    })
    const { counts, changes } = recorder.plan
    assert.equal(counts.created, 2)
    assert.deepEqual(
      changes.map(({ what, name }) => [what.startsWith('/users/'), name]),
      [
        [true, 'Berg'],
        [true, 'Berg'],
      ],
    )
    assert.deepEqual(changes[0]?.fields['passwordProfile'], { after: '[secret]' })
    assert.doesNotMatch(JSON.stringify(changes), /hush/)
  })

  it('counts everything and lists no more than ten thousand', () => {
    const recorder = new PlanRecorder()
    for (let number = 0; number < 10_050; number += 1)
      recorder.write('directory', { method: 'DELETE', path: `/users/${number}`, body: undefined })
    const { counts, changes, omitted } = recorder.plan
    assert.deepEqual([counts.deleted, changes.length, omitted], [10_050, 10_000, 50])
  })

  it('takes what a job states of itself', () => {
    const recorder = new PlanRecorder()
    recorder.state({ effect: 'created', what: 'report.csv', fields: { rows: 3 } })
    assert.deepEqual(recorder.plan.changes, [
      { what: 'report.csv', effect: 'created', fields: { rows: { after: 3 } }, requests: [] },
    ])
  })
})

describe('memoryCheckpoints', () => {
  it('keeps steps and entries as the disk does: as JSON, and entries in the order of their keys', async () => {
    const kept = memoryCheckpoints()
    const run = { id: '1', epoch: 0, version: 1 }
    const traffic = { tokenRequests: 0, apiRequests: 0, retries: 0, milliseconds: 0 }
    const value = { at: new Date(0), gone: undefined }
    await kept.saveStep(
      run,
      'a',
      { finished: false, value },
      { people: { b: 2, a: 1, c: undefined } },
      traffic,
    )
    assert.deepEqual(await kept.step(run, 'a'), {
      finished: false,
      value: { at: '1970-01-01T00:00:00.000Z' },
    })
    assert.equal(await kept.step(run, 'b'), undefined)
    assert.deepEqual(
      [...(await kept.findEntries(run, 'people', ['c', 'x', 'a']))],
      [
        ['c', null],
        ['a', 1],
      ],
    )
    await kept.saveStep(run, 'a', { finished: true, value: 1 }, { people: { aa: 3 } }, traffic)
    assert.deepEqual([...(await kept.pageEntries(run, 'people', 'a', 2)).keys()], ['aa', 'b'])
    assert.deepEqual([...(await kept.pageEntries(run, 'people', 'c', 2)).keys()], [])
    assert.deepEqual([...(await kept.pageEntries(run, 'none', '', 2)).keys()], [])
  })
})
