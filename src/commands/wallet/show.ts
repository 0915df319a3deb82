import { findHotkeys } from '../../chain/index.ts';
import { Flags, PtCommand, signingFlags, subnetFlags } from '../../cli/base.ts';
import { OutsideError } from '../../errors.ts';
import type { Printed } from '../../output/index.ts';
import type { Place } from '../../place.ts';
import { shellWord } from '../../text/shell-word.ts';

export default class WalletShow extends PtCommand {
  static override summary = 'One hotkey: address, encrypted or not, registered or not';
  static override description =
    'Looks the hotkey up on the chain unless --offline. --open also decrypts the file, to see that the password is right; nothing secret is shown.';
  static override examples = [
    '<%= config.bin %> wallet show',
    '<%= config.bin %> wallet show --wallet-name miner --wallet-hotkey h1 --open',
  ];
  static override flags = {
    open: Flags.boolean({ summary: 'Open the key file too, asking for its password when it has one' }),
    ...subnetFlags,
    ...signingFlags,
  };

  async run(): Promise<Printed<'wallet:show'>> {
    const { flags } = await this.parse(WalletShow);
    const settings = await this.settings(flags);
    const { wallet, netuid } = settings;
    const place = await this.place(settings);
    const find = async () =>
      (await findHotkeys(wallet.path)).find(
        (file) => file.wallet === wallet.name && file.hotkey === wallet.hotkey,
      );
    const listed = await find();
    // A file that is not listed cannot be opened either: opening says why, and what there is instead.
    const opened = flags.open || !listed?.ss58 ? await place.hotkey() : null;
    const file = listed!;
    const ss58 = opened?.ss58 ?? file.ss58!;
    const uid = settings.offline ? null : await this.#lookUp(place, ss58);
    const registered = uid === undefined || settings.offline ? null : uid !== null;
    this.table(
      [{ title: 'hotkey' }, { title: `${wallet.name}/${wallet.hotkey}`, narrow: 'wrap' }],
      [
        ['address', ss58],
        ['file', file.file],
        ['key', opened?.cryptoType ?? file.cryptoType],
        ['encrypted', file.encryption === 'none' ? 'no' : file.encryption],
        ['opened', opened ? 'yes' : 'not tried (--open)'],
        [
          `subnet ${netuid}`,
          registered === null ? 'not looked up' : registered ? `uid ${uid}` : 'not registered',
        ],
      ],
    );
    if (file.worldReadable)
      this.warning(`Others on this machine can read ${file.file}: chmod 600 ${file.file}`);
    if (registered === false) {
      this.nextSteps([
        `btcli subnet register --netuid ${netuid} --wallet.name ${shellWord(wallet.name)} --wallet.hotkey ${shellWord(wallet.hotkey)}`,
      ]);
    }
    return { ...file, ss58, cryptoType: opened?.cryptoType ?? file.cryptoType, registered, uid: uid ?? null };
  }

  /** uid on the subnet, null when it has none; undefined (and a warning) when the chain cannot be asked. */
  async #lookUp(place: Place, ss58: string): Promise<number | null | undefined> {
    try {
      return await (await place.chain()).uidOf(place.netuid, ss58);
    } catch (error) {
      if (!(error instanceof OutsideError)) throw error;
      this.warning(`${error.message} Whether it is registered is not known.`);
      return undefined;
    }
  }
}
