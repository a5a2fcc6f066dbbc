import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparePermissions, fingerprint, grantable, type Resource, type ResourceRole } from './consent.ts'

const READ: ResourceRole = {
  id: 'read',
  value: 'Orders.Read.All',
  description: 'Read all orders',
  isEnabled: true,
  forApplications: true,
}
const ORDERS: Resource = {
  appId: 'orders',
  displayName: 'Orders',
  servicePrincipalId: 'orders-sp',
  roles: [READ, { ...READ, id: 'off', isEnabled: false }, { ...READ, id: 'people', forApplications: false }],
}
const STOCK: Resource = { ...ORDERS, appId: 'stock', displayName: 'Stock', servicePrincipalId: undefined }
const resources = new Map([ORDERS, STOCK].map((one) => [one.appId, one]))

const compare = (roles: [string, string][], granted: [string, string][] = []) =>
  comparePermissions({
    requested: { roles: roles.map(([resourceAppId, roleId]) => ({ resourceAppId, roleId })), delegated: 0 },
    granted: granted.map(([resourceAppId, roleId]) => ({ resourceAppId, roleId, atMs: 7 })),
    resources,
  })

test('comparePermissions names what is requested and tells granted from not granted', () => {
  const read = { resourceAppId: 'orders', roleId: 'read', resource: 'Orders', role: 'Orders.Read.All' }
  const described = { ...read, description: 'Read all orders' }
  assert.deepEqual(compare([['orders', 'read']]).requested, [
    { ...described, state: { kind: 'not granted' } },
  ])
  assert.deepEqual(compare([['orders', 'read']], [['orders', 'read']]).requested, [
    { ...described, state: { kind: 'granted', atMs: 7 } },
  ])
})

test('comparePermissions lists a permission once, however often it is requested', () => {
  assert.equal(
    compare([
      ['orders', 'read'],
      ['orders', 'read'],
    ]).requested.length,
    1,
  )
})

test('comparePermissions sets apart what is granted and not requested', () => {
  const { requested, unrequested } = compare(
    [],
    [
      ['orders', 'read'],
      ['orders', 'gone'],
    ],
  )
  assert.deepEqual(requested, [])
  assert.deepEqual(
    unrequested.map(({ role, state }) => [role, state.kind]),
    [
      ['Orders.Read.All', 'granted'],
      [undefined, 'granted'],
    ],
  )
})

for (const [resource, role, reason] of [
  ['nobody', 'read', 'this tenant knows no application of that id'],
  ['orders', 'gone', 'Orders has no permission of that id'],
  ['orders', 'off', 'Orders has disabled it'],
  ['orders', 'people', 'Orders gives it to people, not to applications'],
  ['stock', 'read', 'Stock has no service principal in this tenant'],
] as const) {
  test(`comparePermissions says that a permission cannot be granted when ${reason}`, () => {
    const permissions = compare([[resource, role]])
    assert.deepEqual(permissions.requested[0]?.state, { kind: 'cannot be granted', reason })
    assert.deepEqual(grantable(permissions), [])
  })
}

test('fingerprint is the same in any order and another for any other permission', () => {
  const { requested } = compare([
    ['orders', 'read'],
    ['orders', 'off'],
  ])
  assert.equal(fingerprint(requested), fingerprint(requested.toReversed()))
  assert.notEqual(fingerprint(requested), fingerprint(requested.slice(1)))
})
