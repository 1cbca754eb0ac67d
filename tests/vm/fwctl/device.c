// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Two CXL memory devices that are nothing but mailboxes, for the kernel's own CXL code to judge
 * what user space sends to them: /dev/cxl/mem0 with Get and Set Feature (/dev/fwctl/fwctl0), mem1
 * whose Command Effects Log lacks Set Feature (fwctl1). Each has a feature for every combination of
 * effect bits 11:0, one for each reserved bit, some that are not changeable, and one that Linux
 * keeps for itself. Every feature is four bytes.
 *
 * Runs in a guest of tools/vm only. Decides nothing: what is refused, the kernel has refused.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>

#include <cxl/mailbox.h>
#include <cxlmem.h>

#include "core.h" /* wants cxlmem.h before it */

#define N_DEVICES    2
#define N_EFFECTS    4096 /* bits 11:0 */
#define N_RESERVED   8	  /* each of bits 15:12, alone and with bit 0 */
#define N_FIXED	     3	  /* not changeable: none, configuration after a cold reset, at once */
#define N_EXCLUSIVE  1
#define N_FEATURES   (N_EFFECTS + N_RESERVED + N_FIXED + N_EXCLUSIVE)
#define LSA_SIZE     4096
#define VALUE_SIZE   4
#define FEAT_VERSION 1

static unsigned long commands; /* what has reached the devices */
static struct dentry *statistics;

struct device_state {
	bool read_only;
	u8 lsa[LSA_SIZE];
	__le32 value[N_FEATURES];
};

/* Opcode and effects, as an honest device would say (CXL 3.1 table 8-87 ff.). */
static const struct cxl_cel_entry cel[] = {
#define CEL(op, effects)                                                                           \
	{                                                                                          \
		cpu_to_le16(op), cpu_to_le16(effects)                                              \
	}
	CEL(CXL_MBOX_OP_GET_SUPPORTED_FEATURES, 0),
	CEL(CXL_MBOX_OP_GET_FEATURE, 0),
	CEL(CXL_MBOX_OP_IDENTIFY, 0),
	CEL(CXL_MBOX_OP_GET_FW_INFO, 0),
	CEL(CXL_MBOX_OP_TRANSFER_FW, 0x0041),
	CEL(CXL_MBOX_OP_ACTIVATE_FW, 0x0003),
	CEL(CXL_MBOX_OP_GET_TIMESTAMP, 0),
	CEL(CXL_MBOX_OP_SET_TIMESTAMP, 0x0008),
	CEL(CXL_MBOX_OP_GET_SUPPORTED_LOGS, 0),
	CEL(CXL_MBOX_OP_GET_LOG, 0),
	CEL(CXL_MBOX_OP_GET_LOG_CAPS, 0),
	CEL(CXL_MBOX_OP_CLEAR_LOG, 0x0010),
	CEL(CXL_MBOX_OP_GET_SUP_LOG_SUBLIST, 0),
	CEL(CXL_MBOX_OP_GET_PARTITION_INFO, 0),
	CEL(CXL_MBOX_OP_SET_PARTITION_INFO, 0x0003),
	CEL(CXL_MBOX_OP_GET_LSA, 0),
	CEL(CXL_MBOX_OP_SET_LSA, 0x0006),
	CEL(CXL_MBOX_OP_GET_HEALTH_INFO, 0),
	CEL(CXL_MBOX_OP_GET_ALERT_CONFIG, 0),
	CEL(CXL_MBOX_OP_SET_ALERT_CONFIG, 0x0008),
	CEL(CXL_MBOX_OP_GET_SHUTDOWN_STATE, 0),
	CEL(CXL_MBOX_OP_SET_SHUTDOWN_STATE, 0x0008),
	CEL(CXL_MBOX_OP_GET_SCAN_MEDIA_CAPS, 0),
	CEL(CXL_MBOX_OP_SANITIZE, 0x0064),
	CEL(0xc000, 0),			      /* a vendor's */
	CEL(CXL_MBOX_OP_SET_FEATURE, 0x003e), /* last: mem1 does not have it */
};

static const uuid_t cel_uuid = DEFINE_CXL_CEL_UUID;
static const uuid_t exclusive_uuid = CXL_FEAT_PATROL_SCRUB_UUID;

static u32 cel_size(const struct device_state *d)
{
	return sizeof(cel) - (d->read_only ? sizeof(cel[0]) : 0);
}

/* The n-th feature: what Get Supported Features says of it. */
static void feature_entry(unsigned int n, struct cxl_feat_entry *ret)
{
	static const u16 fixed[N_FIXED] = {0x0000, 0x0001, 0x0002};
	u16 effects = n;
	u32 flags = CXL_FEATURE_F_CHANGEABLE;

	memset(ret, 0, sizeof(*ret));
	if (n >= N_EFFECTS + N_RESERVED + N_FIXED) {
		effects = CXL_CMD_CONFIG_CHANGE_IMMEDIATE;
	} else if (n >= N_EFFECTS + N_RESERVED) {
		effects = fixed[n - N_EFFECTS - N_RESERVED];
		flags = 0;
	} else if (n >= N_EFFECTS) {
		effects = BIT(12 + (n - N_EFFECTS) / 2) | (n & 1);
	}
	ret->uuid = UUID_INIT(0x51c1ce00, 0x0000, 0x4000, 0x80, 0, 0, 0, 0, 0, 0, 0);
	ret->uuid.b[14] = n >> 8;
	ret->uuid.b[15] = n;
	if (n == N_FEATURES - 1)
		ret->uuid = exclusive_uuid;
	ret->id = cpu_to_le16(n);
	ret->get_feat_size = cpu_to_le16(VALUE_SIZE);
	ret->set_feat_size = cpu_to_le16(VALUE_SIZE);
	ret->flags = cpu_to_le32(flags);
	ret->get_feat_ver = FEAT_VERSION;
	ret->set_feat_ver = FEAT_VERSION;
	ret->effects = cpu_to_le16(effects);
}

static int feature_find(const uuid_t *uuid)
{
	struct cxl_feat_entry e;
	unsigned int n = uuid->b[14] << 8 | uuid->b[15];

	if (uuid_equal(uuid, &exclusive_uuid))
		return N_FEATURES - 1;
	if (n >= N_FEATURES)
		return -1;
	feature_entry(n, &e);
	return uuid_equal(&e.uuid, uuid) ? (int)n : -1;
}

static u16 get_log(struct device_state *d, struct cxl_mbox_cmd *cmd)
{
	const struct cxl_mbox_get_log *in = cmd->payload_in;
	u32 offset = le32_to_cpu(in->offset), length = le32_to_cpu(in->length);

	if (cmd->size_in < sizeof(*in) || !uuid_equal(&in->uuid, &cel_uuid) ||
	    offset > cel_size(d) || length > cel_size(d) - offset || length > cmd->size_out)
		return CXL_MBOX_CMD_RC_INPUT;
	memcpy(cmd->payload_out, (const u8 *)cel + offset, length);
	cmd->size_out = length;
	return CXL_MBOX_CMD_RC_SUCCESS;
}

static u16 get_supported_logs(struct device_state *d, struct cxl_mbox_cmd *cmd)
{
	struct cxl_mbox_get_supported_logs *out = cmd->payload_out;

	if (cmd->size_out < sizeof(*out) + sizeof(out->entry[0]))
		return CXL_MBOX_CMD_RC_INPUT;
	memset(out, 0, sizeof(*out));
	out->entries = cpu_to_le16(1);
	out->entry[0].uuid = cel_uuid;
	out->entry[0].size = cpu_to_le32(cel_size(d));
	cmd->size_out = sizeof(*out) + sizeof(out->entry[0]);
	return CXL_MBOX_CMD_RC_SUCCESS;
}

static u16 get_supported_features(struct cxl_mbox_cmd *cmd)
{
	const struct cxl_mbox_get_sup_feats_in *in = cmd->payload_in;
	struct cxl_mbox_get_sup_feats_out *out = cmd->payload_out;
	unsigned int start, n;
	size_t room;

	if (cmd->size_in < sizeof(*in) || cmd->size_out < sizeof(*out))
		return CXL_MBOX_CMD_RC_INPUT;
	start = le16_to_cpu(in->start_idx);
	room = min_t(size_t, le32_to_cpu(in->count), cmd->size_out);
	if (start >= N_FEATURES || room < sizeof(*out))
		return CXL_MBOX_CMD_RC_INPUT;
	n = min_t(size_t, (room - sizeof(*out)) / sizeof(out->ents[0]), N_FEATURES - start);
	memset(out, 0, sizeof(*out));
	out->num_entries = cpu_to_le16(n);
	out->supported_feats = cpu_to_le16(N_FEATURES);
	for (unsigned int i = 0; i < n; i++)
		feature_entry(start + i, &out->ents[i]);
	cmd->size_out = sizeof(*out) + n * sizeof(out->ents[0]);
	return CXL_MBOX_CMD_RC_SUCCESS;
}

static u16 get_feature(struct device_state *d, struct cxl_mbox_cmd *cmd)
{
	const struct cxl_mbox_get_feat_in *in = cmd->payload_in;
	u16 offset, count;
	int n;

	if (cmd->size_in < sizeof(*in))
		return CXL_MBOX_CMD_RC_PAYLOADLEN;
	n = feature_find(&in->uuid);
	offset = le16_to_cpu(in->offset);
	count = le16_to_cpu(in->count);
	if (n < 0 || offset >= VALUE_SIZE)
		return CXL_MBOX_CMD_RC_INPUT;
	count = min_t(u16, count, VALUE_SIZE - offset);
	count = min_t(size_t, count, cmd->size_out);
	memcpy(cmd->payload_out, (u8 *)&d->value[n] + offset, count);
	cmd->size_out = count;
	return CXL_MBOX_CMD_RC_SUCCESS;
}

static u16 set_feature(struct device_state *d, struct cxl_mbox_cmd *cmd)
{
	const struct cxl_mbox_set_feat_in *in = cmd->payload_in;
	size_t size;
	u16 offset;
	int n;

	if (cmd->size_in <= sizeof(in->hdr))
		return CXL_MBOX_CMD_RC_PAYLOADLEN;
	n = feature_find(&in->uuid);
	size = cmd->size_in - sizeof(in->hdr);
	offset = le16_to_cpu(in->offset);
	if (d->read_only || n < 0 || offset > VALUE_SIZE || size > VALUE_SIZE - offset)
		return CXL_MBOX_CMD_RC_INPUT;
	memcpy((u8 *)&d->value[n] + offset, in->feat_data, size);
	return CXL_MBOX_CMD_RC_SUCCESS;
}

static u16 identify(struct cxl_mbox_cmd *cmd)
{
	struct cxl_mbox_identify id = {
		.fw_revision = "sluice",
		.total_capacity = cpu_to_le64(SZ_256M / CXL_CAPACITY_MULTIPLIER),
		.volatile_capacity = cpu_to_le64(SZ_256M / CXL_CAPACITY_MULTIPLIER),
		.lsa_size = cpu_to_le32(LSA_SIZE),
	};

	if (cmd->size_out < sizeof(id))
		return CXL_MBOX_CMD_RC_INPUT;
	memcpy(cmd->payload_out, &id, sizeof(id));
	cmd->size_out = sizeof(id);
	return CXL_MBOX_CMD_RC_SUCCESS;
}

static u16 label_area(struct device_state *d, struct cxl_mbox_cmd *cmd)
{
	bool set = cmd->opcode == CXL_MBOX_OP_SET_LSA;
	const __le32 *in = cmd->payload_in;
	u32 offset, length;

	if (cmd->size_in < 8)
		return CXL_MBOX_CMD_RC_PAYLOADLEN;
	offset = le32_to_cpu(in[0]);
	length = set ? cmd->size_in - 8 : le32_to_cpu(in[1]);
	if (offset > LSA_SIZE || length > LSA_SIZE - offset || (!set && length > cmd->size_out))
		return CXL_MBOX_CMD_RC_INPUT;
	if (set)
		memcpy(d->lsa + offset, in + 2, length);
	else
		memcpy(cmd->payload_out, d->lsa + offset, length);
	cmd->size_out = set ? 0 : length;
	return CXL_MBOX_CMD_RC_SUCCESS;
}

/* Everything in the CEL that has no behaviour here succeeds and answers zeros. */
static u16 plain(const struct device_state *d, const struct cxl_mbox_cmd *cmd)
{
	for (u32 i = 0; i < cel_size(d) / sizeof(cel[0]); i++)
		if (le16_to_cpu(cel[i].opcode) == cmd->opcode)
			return CXL_MBOX_CMD_RC_SUCCESS;
	return CXL_MBOX_CMD_RC_UNSUPPORTED;
}

static int mailbox_send(struct cxl_mailbox *mbox, struct cxl_mbox_cmd *cmd)
{
	struct device_state *d = dev_get_drvdata(mbox->host);

	commands++;
	switch (cmd->opcode) {
	case CXL_MBOX_OP_GET_SUPPORTED_LOGS:
		cmd->return_code = get_supported_logs(d, cmd);
		break;
	case CXL_MBOX_OP_GET_LOG:
		cmd->return_code = get_log(d, cmd);
		break;
	case CXL_MBOX_OP_GET_SUPPORTED_FEATURES:
		cmd->return_code = get_supported_features(cmd);
		break;
	case CXL_MBOX_OP_GET_FEATURE:
		cmd->return_code = get_feature(d, cmd);
		break;
	case CXL_MBOX_OP_SET_FEATURE:
		cmd->return_code = set_feature(d, cmd);
		break;
	case CXL_MBOX_OP_IDENTIFY:
		cmd->return_code = identify(cmd);
		break;
	case CXL_MBOX_OP_GET_LSA:
	case CXL_MBOX_OP_SET_LSA:
		cmd->return_code = label_area(d, cmd);
		break;
	default:
		cmd->return_code = plain(d, cmd);
		break;
	}
	if (cmd->return_code != CXL_MBOX_CMD_RC_SUCCESS)
		cmd->size_out = 0;
	return 0;
}

static int probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct cxl_memdev_state *mds;
	struct cxl_memdev *cxlmd;
	struct device_state *d;
	int rc;

	d = devm_kzalloc(dev, sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->read_only = pdev->id == 1;
	dev_set_drvdata(dev, d);
	mds = cxl_memdev_state_create(dev, 0x51c1 + pdev->id, 0);
	if (IS_ERR(mds))
		return PTR_ERR(mds);
	rc = cxl_mailbox_init(&mds->cxlds.cxl_mbox, dev);
	if (rc)
		return rc;
	mds->cxlds.cxl_mbox.mbox_send = mailbox_send;
	mds->cxlds.cxl_mbox.payload_size = SZ_4K;
	mds->cxlds.media_ready = true;
	rc = cxl_enumerate_cmds(mds);
	if (rc)
		return rc;
	rc = cxl_dev_state_identify(mds);
	if (rc)
		return rc;
	rc = devm_cxl_setup_features(&mds->cxlds);
	if (rc)
		return rc;
	cxlmd = __devm_cxl_add_memdev(&mds->cxlds, NULL);
	if (IS_ERR(cxlmd))
		return PTR_ERR(cxlmd);
	return devm_cxl_setup_fwctl(dev, cxlmd);
}

static struct platform_driver driver = {
	.probe = probe,
	.driver = {.name = "sluice_cxl"},
};

static struct platform_device *devices[N_DEVICES];

/*
 * What the copied files want of the rest of the core. There is no memory behind these mailboxes and
 * no decoder before it.
 */
struct cxl_rwsem cxl_rwsem = {
	.region = __RWSEM_INITIALIZER(cxl_rwsem.region),
	.dpa = __RWSEM_INITIALIZER(cxl_rwsem.dpa),
};

struct cxl_region *cxl_dpa_to_region(const struct cxl_memdev *cxlmd, u64 dpa)
{
	return NULL;
}

u64 cxl_dpa_to_hpa(struct cxl_region *cxlr, const struct cxl_memdev *cxlmd, u64 dpa)
{
	return ULLONG_MAX;
}

bool cxl_resource_contains_addr(const struct resource *res, const resource_size_t addr)
{
	return false;
}

int cxl_get_poison_by_endpoint(struct cxl_port *port)
{
	return -ENODEV;
}

int cxl_num_decoders_committed(struct cxl_port *port)
{
	return 0;
}

static int __init start(void)
{
	int rc = cxl_memdev_init();

	if (rc)
		return rc;
	rc = platform_driver_register(&driver);
	if (rc) {
		cxl_memdev_exit();
		return rc;
	}
	statistics = debugfs_create_dir("sluice_cxl", NULL);
	debugfs_create_ulong("commands", 0444, statistics, &commands);
	for (int i = 0; i < N_DEVICES; i++)
		devices[i] = platform_device_register_simple("sluice_cxl", i, NULL, 0);
	return 0;
}

static void __exit stop(void)
{
	for (int i = 0; i < N_DEVICES; i++)
		if (!IS_ERR(devices[i]))
			platform_device_unregister(devices[i]);
	debugfs_remove_recursive(statistics);
	platform_driver_unregister(&driver);
	cxl_memdev_exit();
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("CXL mailboxes for tests");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("CXL");
