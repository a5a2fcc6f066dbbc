// Why: a client that names other permissions than the directory checks sends administrators to grant the wrong ones.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { GRAPH_PERMISSIONS } from '../packages/client/src/call/graph-permissions.ts'
import { graphPermissions } from './graph-permissions.ts'

it('the client knows the permissions that the directory checks', () => {
  const advice = 'run: node --conditions=@tomte/source tools/graph-permissions.ts, then npm run format'
  assert.deepEqual(GRAPH_PERMISSIONS, graphPermissions(), advice)
})
