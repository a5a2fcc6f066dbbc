import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { staticScope } from './scope.ts'

const ONE = 'Ask for one resource at a time, for example https://graph.microsoft.com/.default'
const askFor = (resource: string) =>
  `Ask for ${resource}/.default: the permissions themselves are those an administrator has consented to`

describe('staticScope', () => {
  const accepted = [
    'https://graph.microsoft.com/.default',
    'api://orders/.default',
    'https://database.windows.net//.default',
    'https://orders.example/v1/.default',
    '55555555-eeee-4eee-8eee-000000000005/.default',
  ]
  for (const scope of accepted) {
    it(`takes '${scope}' as it is`, () => {
      assert.equal(staticScope(scope), scope)
    })
  }

  const refused = [
    ['', ONE],
    ['a/.default b/.default', ONE],
    ['https://graph.microsoft.com/.default openid', ONE],
    ['.default', 'Name the resource, for example https://graph.microsoft.com/.default'],
    ['/.default', askFor('https://graph.microsoft.com')],
    ['User.Read.All', askFor('https://graph.microsoft.com')],
    ['https://graph.microsoft.com', askFor('https://graph.microsoft.com')],
    ['https://graph.microsoft.com/', askFor('https://graph.microsoft.com')],
    ['https://graph.microsoft.com/User.Read.All', askFor('https://graph.microsoft.com')],
    ['https://graph.microsoft.com/.DEFAULT', askFor('https://graph.microsoft.com')],
    ['https://vault.azure.net/.default/', askFor('https://vault.azure.net')],
    ['https://orders.example/.default\n', askFor('https://orders.example')],
    ['api://orders/Orders.Read.All', askFor('api://orders')],
    ['API://orders/Orders.Read.All', askFor('API://orders')],
  ] as const
  for (const [scope, hint] of refused) {
    it(`refuses ${JSON.stringify(scope)} and suggests what to ask for`, () => {
      assert.throws(() => staticScope(scope), {
        name: 'ConfigurationError',
        code: 'scope_invalid',
        message: `Cannot ask for the scope, as client credentials take '{resource}/.default' alone: found '${scope}'`,
        hint,
      })
    })
  }
})
