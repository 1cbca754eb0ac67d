/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of devices beyond their word, for the verbs that start a broker or list devices. */
#ifndef SL_CLI_TRUST_H
#define SL_CLI_TRUST_H

struct sl_cli;
struct sl_contract;
struct sl_emit;
struct sl_trust_row;

/*
 * The statements that count, from the notes beside a ledger; SL_TRUST_ROWS_MAX rows. 0 or -errno;
 * the message was printed.
 */
int sl_trust_load(const char *ledger, struct sl_trust_row *ret, unsigned *ret_n);
/* The contract as a broker with that ledger sees it: with what is known beyond the device's word.
 */
int sl_trust_heed(const char *ledger, struct sl_contract *c);
/* Who was caught, who is vouched for, as a table; nothing where nothing is known. An exit status.
 */
int sl_trust_list(struct sl_cli *cli, struct sl_emit *e);

#endif
