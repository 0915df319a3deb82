import { compact } from '@polkadot-api/substrate-bindings';
import { toHex } from './bytes.ts';
import type { Block } from './ledger.ts';
import type { Node } from './node.ts';
import { RpcFailure } from './pool.ts';
import { neurons, neuronsLite, selectiveMetagraph, subnetState, wholeMetagraph } from './views.ts';

/** Runs `state_call`: the method's name as `Api_method`, SCALE arguments in, SCALE result out. */
export function callRuntime(node: Node, method: string, data: Uint8Array, at?: Block): Uint8Array {
  const { runtime } = node;
  const state = at ? node.state.at(at) : node.state;
  const reply = (api: string, name: string, answer: (...args: never[]) => unknown): Uint8Array => {
    const { args, value } = runtime.builder.buildRuntimeCall(api, name);
    return value.enc(answer(...(args.dec(data) as never[])));
  };
  switch (method) {
    case 'Core_version':
      return runtime.codec('RuntimeVersion').enc(runtime.version);
    case 'Metadata_metadata':
      return opaque(runtime.v14);
    case 'Metadata_metadata_versions':
      return reply('Metadata', 'metadata_versions', () => [14, 15]);
    case 'Metadata_metadata_at_version': {
      const version = new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(0, true);
      const bytes = version === 14 ? runtime.v14 : version === 15 ? runtime.v15 : null;
      return bytes ? Buffer.concat([Buffer.from([1]), opaque(bytes)]) : new Uint8Array([0]);
    }
    case 'AccountNonceApi_account_nonce':
      return reply(
        'AccountNonceApi',
        'account_nonce',
        (who: string) => state.get('System', 'Account', who).nonce,
      );
    case 'TransactionPaymentApi_query_info':
      return runtime.codec('RuntimeDispatchInfo').enc({
        weight: { ref_time: 100_000_000n, proof_size: 0n },
        class: { type: 'Normal', value: undefined },
        partial_fee: 0n,
      });
    case 'NeuronInfoRuntimeApi_get_neurons':
      return reply('NeuronInfoRuntimeApi', 'get_neurons', (netuid: number) => neurons(state, netuid));
    case 'NeuronInfoRuntimeApi_get_neuron':
      return reply(
        'NeuronInfoRuntimeApi',
        'get_neuron',
        (netuid: number, uid: number) => neurons(state, netuid)[uid],
      );
    case 'NeuronInfoRuntimeApi_get_neurons_lite':
      return reply('NeuronInfoRuntimeApi', 'get_neurons_lite', (netuid: number) =>
        neuronsLite(state, netuid),
      );
    case 'NeuronInfoRuntimeApi_get_neuron_lite':
      return reply(
        'NeuronInfoRuntimeApi',
        'get_neuron_lite',
        (netuid: number, uid: number) => neuronsLite(state, netuid)[uid],
      );
    case 'SubnetInfoRuntimeApi_get_subnet_state':
      return reply('SubnetInfoRuntimeApi', 'get_subnet_state', (netuid: number) =>
        subnetState(state, netuid),
      );
    case 'SubnetInfoRuntimeApi_get_metagraph':
      return reply('SubnetInfoRuntimeApi', 'get_metagraph', (netuid: number) =>
        wholeMetagraph(state, netuid),
      );
    case 'SubnetInfoRuntimeApi_get_selective_metagraph':
      return reply('SubnetInfoRuntimeApi', 'get_selective_metagraph', (netuid: number, indexes: number[]) =>
        selectiveMetagraph(state, netuid, 0, indexes),
      );
    case 'SubnetInfoRuntimeApi_get_selective_mechagraph':
      return reply(
        'SubnetInfoRuntimeApi',
        'get_selective_mechagraph',
        (netuid: number, mechanism: number, indexes: number[]) =>
          selectiveMetagraph(state, netuid, mechanism, indexes),
      );
    default:
      throw new RpcFailure(
        4003,
        `Client error: Execution failed: Exported method ${String(method).slice(0, 80)} is not found (${toHex(data).slice(0, 18)})`,
      );
  }
}

const opaque = (bytes: Uint8Array): Uint8Array => Buffer.concat([compact.enc(bytes.length), bytes]);
