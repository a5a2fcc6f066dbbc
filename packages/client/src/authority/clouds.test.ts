import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graph } from '../call/graph.ts'
import { AppIdentity } from '../identity/app-identity.ts'
import { CLIENT, TENANT } from '../test-support.ts'
import { authority } from './authority.ts'
import { CLOUDS, cloudOf } from './clouds.ts'

describe('an authority host', () => {
  for (const [name, { login, graph: origin, aliases }] of Object.entries(CLOUDS)) {
    it(`can be the name ${name}`, () => {
      assert.equal(authority(name, TENANT).tokenEndpoint, `${login}/${TENANT}/oauth2/v2.0/token`)
    })

    it(`of ${name} brings the cloud's own Graph along`, () => {
      for (const authorityHost of [name, login, ...aliases]) {
        const identity = new AppIdentity({
          tenantId: TENANT,
          clientId: CLIENT,
          credential: () => {},
          authorityHost,
        })
        assert.equal(graph(identity).baseUrl, `${origin}/v1.0/`, authorityHost)
      }
    })
  }

  it('that is no cloud’s brings none', () => {
    for (const host of ['https://localhost:8443', 'azurepubliccloud', 'constructor', ''])
      assert.equal(cloudOf(host), undefined)
  })
})
