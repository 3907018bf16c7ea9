/* SPDX-License-Identifier: MIT */
/* The multi-call program: finds the verb's row, parses its options, runs it. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/poll.h>
#include <linux/time_types.h>

#include "tools/dm/options.h"
#include "tools/help.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define LINE_BYTES 512

/* struct output - standard output; @err: what it failed with: a list that was cut short is
 * no success */
struct output {
	struct fmt_buf b;
	int err;
};

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		long ret = sys_write(fd, text, len);

		if (ret <= 0 && ret != -EINTR)
			return ret ? (int)ret : -EIO;
		text += ret > 0 ? ret : 0;
		len -= ret > 0 ? (size_t)ret : 0;
	}
	return 0;
}

static void flush_stdout(struct fmt_buf *b)
{
	struct output *out = CONTAINER_OF(b, struct output, b);
	int err = write_all(1, b->text, b->len);

	out->err = out->err ? out->err : err;
	b->len = 0;
}

void cmd_flush(const struct cmd_run *r)
{
	flush_stdout(r->out);
}

static void print_line(const struct cmd_run *r, int err, const char *fmt, va_list args)
	PRINTF_LIKE(3, 0);

/* "bareblk: ublk add: ", then the text, then the errno, then a newline */
static void print_line(const struct cmd_run *r, int err, const char *fmt, va_list args)
{
	char line[LINE_BYTES];
	struct fmt_buf b = { .text = line, .size = sizeof(line) };

	flush_stdout(r->out);
	if (!r->is_plain)
		fmt_add(&b, "bareblk: ");
	if (r->cmd && !r->is_plain)
		fmt_add(&b, "%s %s: ", cmd_noun(r->cmd), cmd_verb(r->cmd));
	fmt_vadd(&b, fmt, args);
	if (err)
		fmt_add(&b, ": %s (%s)", err_text(err), err_name(err));
	if (fmt_truncated(&b))
		b.len = sizeof(line) - 2;
	line[b.len++] = '\n';
	(void)write_all(2, line, b.len);
}

enum exit_code cmd_fail(const struct cmd_run *r, enum exit_code code, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(r, err, fmt, args);
	va_end(args);
	return code;
}

enum exit_code cmd_usage(const struct cmd_run *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(r, 0, fmt, args);
	va_end(args);
	return EXIT_USAGE;
}

enum exit_code cmd_fail_ublk(const struct cmd_run *r, const struct ublk_error *e)
{
	char device[24] = "";

	if (e->dev_id >= 0)
		fmt_print(device, sizeof(device), "device %d: ", e->dev_id);
	return cmd_fail(r, exit_code_of(e->code), e->err, "%s%s: %s", device, e->step, e->why.text);
}

void cmd_say(const struct cmd_run *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(r, 0, fmt, args);
	va_end(args);
}

/* A program started without its three first files would take a device for
 * standard error. A memfd does where there is no /dev/null. */
static void fill_standard_files(void)
{
	struct pollfd std[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };
	const struct __kernel_timespec at_once = { 0 };
	int fd;

	/* A pipe whose other end is closed is a file, too. */
	if (sys_ppoll(std, 3, &at_once) >= 0 &&
	    !((std[0].revents | std[1].revents | std[2].revents) & POLLNVAL))
		return;
	do {
		fd = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
		if (fd < 0)
			fd = sys_memfd_create("null", 0);
	} while (fd >= 0 && fd < 3);
	if (fd >= 0)
		(void)sys_close(fd);
}

static const struct cmd *find(const char *noun, const char *verb)
{
	for (u32 i = 0; i < nr_cmds; i++)
		if (str_eq(cmd_noun(cmds[i]), noun) && str_eq(cmd_verb(cmds[i]), verb))
			return cmds[i];
	return NULL;
}

static bool is_noun(const char *word)
{
	for (u32 i = 0; i < nr_cmds; i++)
		if (str_eq(cmd_noun(cmds[i]), word))
			return true;
	return false;
}

static bool is_help(const char *word)
{
	return str_eq(word, "--help") || str_eq(word, "-h") || str_eq(word, "help");
}

/* --help wins over anything that is wrong beside it, but not behind "--". */
static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && !str_eq(argv[i], "--"); i++)
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h"))
			return true;
	return false;
}

/* There is no such verb, or no such noun, where noun is NULL. */
static enum exit_code fail_unknown(const struct cmd_run *r, const char *noun, const char *word)
{
	struct opt_near near = { .word = word };

	for (u32 i = 0; i < nr_cmds; i++) {
		if (!noun)
			opt_nearer(&near, cmd_noun(cmds[i]));
		else if (str_eq(cmd_noun(cmds[i]), noun))
			opt_nearer(&near, cmd_verb(cmds[i]));
	}
	return cmd_usage(r, "%s%s%s%s%s%s; see --help", noun ? noun : "there is no ",
			 noun ? " has no verb " : "", word, near.known ? ", did you mean " : "",
			 near.known ? near.known : "", near.known ? "?" : "");
}

/* As dmsetup, options of other verbs are taken as well: they change nothing. */
static int parse_options(struct cmd_run *r, void *values, struct diag *why)
{
	static const struct cmd_opts none;
	const struct cmd_opts *opts = r->cmd->opts ? r->cmd->opts : &none;

	if (opts->init)
		opts->init(r, values);
	return opt_parse(&opts->table, r->is_plain ? 0 : r->cmd->sets, values, &r->argc, r->argv,
			 why);
}

static enum exit_code run_verb(struct cmd_run *r)
{
	const struct cmd *cmd = r->cmd;
	u64 values[CMD_VALUES_BYTES / sizeof(u64)] = { 0 };
	struct diag why;

	if (wants_help(r->argc, r->argv)) {
		help_cmd(r->out, cmd);
		return EXIT_OK;
	}
	if (parse_options(r, values, &why))
		return cmd_usage(r, "%s", why.text);
	if (r->argc < cmd->min_args)
		return cmd_usage(r, "%s is missing; see --help", cmd_args(cmd));
	if (r->argc > cmd->max_args && cmd->max_args != CMD_ANY_ARGS)
		return cmd_usage(r, "unexpected argument: %s",
				 r->argv[cmd->max_args]);
	r->values = values;
	return cmd->run(r);
}

/* words: help, or the verb that it is about behind it */
static enum exit_code help(const struct cmd_run *r, const char *noun, int argc, char **words)
{
	const struct cmd *cmd = argc > 1 ? find(noun, words[1]) : NULL;

	if (!argc && r->is_plain)
		return cmd_usage(r, "a verb is missing; see --help");
	if (cmd)
		help_cmd(r->out, cmd);
	else
		help_noun(r->out, noun);
	return argc ? EXIT_OK : EXIT_USAGE;
}

/* words: the verb, but for "run", and what follows; options of dm may stand in front of it. */
static enum exit_code dispatch_verb(struct cmd_run *r, const char *noun, int argc, char **words)
{
	bool has_verb;

	if (HAS_DM && str_eq(noun, "dm"))
		opt_word_first(&dm_options_of_all.table, argc, words);
	if (argc && str_eq(words[0], "--version"))
		words[0] += 2;
	r->cmd = argc ? find(noun, words[0]) : NULL;
	if (!r->cmd && (!argc || is_help(words[0])))
		return help(r, noun, argc, words);
	has_verb = r->cmd;
	if (!has_verb)
		r->cmd = find(noun, "run");
	if (!r->cmd)
		return fail_unknown(r, noun, words[0]);
	r->argc = argc - has_verb;
	r->argv = words + has_verb;
	return run_verb(r);
}

/* words: noun, verb and what follows */
static enum exit_code dispatch(struct cmd_run *r, int argc, char **words)
{
	if (argc == 0) {
		help_program(r->out);
		return EXIT_USAGE;
	}
	if (is_help(words[0])) {
		help_program(r->out);
		return EXIT_OK;
	}
	if (str_eq(words[0], "--version")) {
		fmt_add(r->out, "bareblk " BAREBLK_VERSION " " ARCH_NAME "\n");
		return EXIT_OK;
	}
	if (!is_noun(words[0]))
		return fail_unknown(r, NULL, words[0]);
	return dispatch_verb(r, words[0], argc - 1, words + 1);
}

/* As dmsetup, messages and exit codes are dmsetup's as well. */
static enum exit_code dispatch_dmsetup(struct cmd_run *r, int argc, char **words)
{
	r->is_plain = true;
	if (!dispatch_verb(r, "dm", argc, words))
		return EXIT_OK;
	cmd_say(r, "Command failed.");
	return EXIT_FAILURE;
}

/* By the name that it was called by, which may say the noun, or noun and verb. */
static enum exit_code dispatch_by_name(struct cmd_run *r, int argc, char **argv)
{
	const char *name = argc ? argv[0] : "";
	const char *slash = str_rchr(name, '/');

	name = slash ? slash + 1 : name;
	name += *name == '@'; /* see notify_survivor() */
	if (str_eq(name, "ublk"))
		return dispatch_verb(r, "ublk", argc - 1, argv + 1);
	if (HAS_DM && str_eq(name, "dmsetup"))
		return dispatch_dmsetup(r, argc - 1, argv + 1);
	if (HAS_DM && str_eq(name, "dmstats")) {
		argv[0] = (char *)(uintptr_t)"stats";
		return dispatch_dmsetup(r, argc, argv);
	}
	return dispatch(r, argc ? argc - 1 : 0, argv + 1);
}

int rt_main(const struct rt_start *start)
{
	char text[8192];
	struct output out = {
		.b = { .text = text, .size = sizeof(text), .flush = flush_stdout },
	};
	struct cmd_run r = { .start = start, .out = &out.b };
	enum exit_code code;

	fill_standard_files();
	code = dispatch_by_name(&r, start->argc, start->argv);
	flush_stdout(&out.b);
	if (out.err == -EPIPE)
		return EXIT_FAILURE; /* the reader has seen enough, and knows */
	if (out.err && code == EXIT_OK)
		return cmd_fail(&r, EXIT_FAILURE, out.err, "cannot write the output");
	return code;
}
