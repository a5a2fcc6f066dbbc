import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertEveryRouteListed, permissionTable } from './permission-table.ts'

const table = permissionTable({
  'GET /orders': ['list'],
  'POST /orders': ['add'],
  'GET /orders/:id': ['one'],
  'GET /orders/export': ['export'],
  'GET /:any/export': ['any'],
  'HEAD /health': ['head'],
  'GET /': ['root'],
})

describe('PermissionTable.ofRequest', () => {
  const cases: readonly (readonly [method: string, target: string, roles: readonly string[] | undefined])[] =
    [
      ['GET', '/orders', ['list']],
      ['GET', '/orders?a=/orders/1', ['list']],
      ['HEAD', '/orders', ['list']],
      ['POST', '/orders', ['add']],
      ['GET', '/', ['root']],
      ['GET', '/?a', ['root']],
      ['HEAD', '/health', ['head']],
      ['GET', '/orders/7', ['one']],
      ['GET', '/orders/:id', ['one']],
      ['GET', '/orders/a%20b', ['one']],
      ['GET', '/orders/export', ['export']],
      ['GET', '/invoices/export', ['any']],
      ['GET', '/health', undefined],
      ['DELETE', '/orders', undefined],
      ['get', '/orders', undefined],
      ['OPTIONS', '/orders', undefined],
      ['GET', '/Orders', undefined],
      ['GET', '/orders/', undefined],
      ['GET', '/orders/7/lines', undefined],
      ['GET', '/orders/..', undefined],
      ['GET', '/orders/.', undefined],
      ['GET', '/orders/%2e%2E', undefined],
      ['GET', '/orders/.%2e', undefined],
      ['GET', '/orders/a%2Fb', undefined],
      ['GET', '/orders/a%5cb', undefined],
      ['GET', '/orders/a\\b', undefined],
      ['GET', '/orders/%00', undefined],
      ['GET', '//orders', undefined],
      ['GET', '/orders//', undefined],
      ['GET', 'https://orders.example/orders', undefined],
      ['GET', '*', undefined],
      ['GET', '', undefined],
      ['GET', '/constructor', undefined],
      // Some routers take these for /orders/export, others for an order.
      ['GET', '/orders/EXPORT', undefined],
      ['GET', '/orders/%65xport', undefined],
      ['GET', '/orders/%45xport', undefined],
      ['GET', '/orders/7%', undefined],
      ['GET', '/orders/EXPORTS', ['one']],
      ['GET', '/INVOICES/export', ['any']],
      ['GET', '/invoices/Export', undefined],
    ]
  for (const [method, target, roles] of cases) {
    it(`${roles ? `knows ${String(roles)} for` : 'knows nobody for'} ${method} ${target}`, () => {
      assert.deepEqual(table.ofRequest(method, target), roles)
    })
  }
})

describe('permissionTable', () => {
  for (const route of [
    '/orders',
    'get /orders',
    'GET orders',
    'GET  /orders',
    'GET /orders?a',
    'GET /a b',
    'GET /*',
  ]) {
    it(`refuses the route '${route}'`, () => {
      assert.throws(
        () => permissionTable({ [route]: ['A'] }),
        new TypeError(`Cannot permit '${route}', as a method and a path are needed, such as GET /orders/:id`),
      )
    })
  }

  for (const nobody of [[], {}, { applications: {} }, { users: { anyScope: [] } }]) {
    it(`refuses a route that ${JSON.stringify(nobody)} may call`, () => {
      assert.throws(
        () => permissionTable({ 'GET /a': nobody }),
        new TypeError("Cannot permit 'GET /a', as somebody who may call it is needed: found nobody"),
      )
    })
  }
})

describe('assertEveryRouteListed', () => {
  const orders = permissionTable({ 'GET /orders': ['A'], 'POST /orders': ['A'] })

  it('is content with exactly the routes, and the HEAD of a GET', () => {
    assertEveryRouteListed(orders, ['POST /orders', 'GET /orders', 'HEAD /orders'])
  })

  it('names what is left out on either side', () => {
    assert.throws(
      () => assertEveryRouteListed(orders, ['GET /orders', 'DELETE /orders', 'HEAD /health']),
      new Error(
        'Cannot vouch for the permission table, as it must list every route: without a permission: DELETE /orders, HEAD /health; permitted, but not served: POST /orders',
      ),
    )
    assert.throws(
      () => assertEveryRouteListed(orders, []),
      /permitted, but not served: GET \/orders, POST \/orders$/,
    )
  })
})
