// Lists of registrations: pages, what can be asked of them, and what is refused.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { assertGraphError, type Json, World } from '../test-support.ts'

let world: World
const ids: string[] = []
before(async () => {
  world = await World.start()
  for (let number = 0; number < 7; number += 1) {
    const body = { displayName: `Paged ${number}`, tags: ['paged'] }
    const made = await world.done(201, 'POST', '/applications', body)
    ids.push(String(made['id']))
    await world.done(201, 'POST', '/servicePrincipals', { appId: made['appId'] })
  }
})
after(() => world.remove())

const query = (options: Readonly<Record<string, string>>) => `?${new URLSearchParams(options).toString()}`

/** All pages of a list, each as its objects. */
async function pagesOf(path: string): Promise<readonly (readonly Json[])[]> {
  const pages: (readonly Json[])[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const page: Json = await world.done(200, 'GET', next)
    pages.push(page['value'] as readonly Json[])
    const link: unknown = page['@odata.nextLink']
    next = typeof link === 'string' ? link.slice(world.platform.graphUrl.length) : undefined
  }
  return pages
}

const sizes = (pages: readonly (readonly Json[])[]) => pages.map((page) => page.length)
const PAGED = "startsWith(displayName,'paged ')"

for (const collection of ['applications', 'servicePrincipals'])
  describe(`a list of ${collection}`, () => {
    it('comes in pages of the size that is asked for, each object once', async () => {
      const options = { $top: '3', $filter: PAGED, $select: 'displayName,id' }
      const pages = await pagesOf(`/${collection}${query(options)}`)
      assert.deepEqual(sizes(pages), [3, 3, 1])
      const names = pages.flat().map(({ displayName }) => String(displayName))
      const all = Array.from({ length: 7 }, (_, number) => `Paged ${number}`)
      assert.deepEqual(names.toSorted(), all)
      assert.deepEqual(Object.keys(pages[0]?.[0] ?? {}).toSorted(), ['displayName', 'id'])
    })

    it('is counted on its first page where the header asks for it', async () => {
      const path = `/${collection}${query({ $top: '2', $filter: PAGED, $count: 'true' })}`
      const plain = await world.graph('GET', path)
      assertGraphError(plain, 400, 'Request_BadRequest', '$count is not currently supported.')
      const headers = { 'Content-Type': 'application/json', ConsistencyLevel: 'eventual' }
      const item = { id: '1', method: 'GET', url: path, headers }
      const { responses } = await world.done(200, 'POST', '/$batch', { requests: [item] })
      const [{ body }] = responses as [{ readonly body: Json }]
      assert.equal(body['@odata.count'], 7)
    })

    it('refuses what it does not know', async () => {
      for (const [options, code, message] of [
        [{ $orderby: 'id' }, 'Request_UnsupportedQuery', "Query option '$orderby' is not supported here."],
        [{ $skiptoken: 'x' }, 'Request_BadRequest', 'Skip token is invalid.'],
        [
          { $top: '0' },
          'Request_BadRequest',
          "Invalid page size specified: '0'. Must be between 1 and 999 inclusive.",
        ],
        [
          { $select: 'toString' },
          'Request_BadRequest',
          `Could not find a property named 'toString' on type 'microsoft.graph.${collection.slice(0, -1)}'.`,
        ],
      ] as const)
        assertGraphError(await world.graph('GET', `/${collection}${query(options)}`), 400, code, message)
    })

    it('shows of one object what is selected', async () => {
      const { value } = await world.done(200, 'GET', `/${collection}${query({ $filter: PAGED, $top: '1' })}`)
      const [{ id } = {}] = value as Json[]
      const one = await world.done(200, 'GET', `/${collection}/${String(id)}?$select=id`)
      assert.deepEqual(one, { id })
      const whole = await world.done(200, 'GET', `/${collection}/${String(id)}`)
      const all = `/${collection}/${String(id)}?$select=${Object.keys(whole).join()}`
      assert.deepEqual(await world.done(200, 'GET', all), whole)
    })
  })

describe('a list of what belongs to a registration, or was deleted,', () => {
  it('comes in pages as well', async () => {
    const path = `/applications/${ids[0]}`
    for (const name of ['first', 'second', 'third'])
      await world.done(201, 'POST', `${path}/federatedIdentityCredentials`, {
        name,
        issuer: 'https://issuer.example',
        subject: name,
        audiences: ['api://AzureADTokenExchange'],
      })
    for (const name of ['ada', 'grace', 'hedy']) {
      const link = `${world.platform.graphUrl}/users/${await world.user(name)}`
      await world.done(204, 'POST', `${path}/owners/$ref`, { '@odata.id': link })
    }
    const principal = `/servicePrincipals(appId='${world.platform.operator.clientId}')`
    for (const id of ids.slice(1)) await world.done(204, 'DELETE', `/applications/${id}`)
    for (const [list, total] of [
      [`${path}/federatedIdentityCredentials`, 3],
      [`${path}/owners`, undefined],
      [`${principal}/appRoleAssignments`, undefined],
      ['/directory/deletedItems/microsoft.graph.application', 6],
    ] as const) {
      const [whole, pages] = [await pagesOf(list), await pagesOf(`${list}?$top=2`)]
      assert.equal(whole.length, 1, list)
      assert.ok(pages.length > 1, list)
      if (total !== undefined) assert.equal(whole[0]?.length, total, list)
      assert.deepEqual(pages.flat(), whole[0], list)
    }
  })
})
