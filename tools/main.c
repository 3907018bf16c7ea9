/* SPDX-License-Identifier: MIT */
/* The multi-call program: finds the verb's row, parses its options, runs it. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#include "tools/help.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define VALUES_BYTES 512
#define LINE_BYTES 512

/* What standard output failed with: a list that was cut short is no success. */
static int stdout_err;

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
	int err = write_all(1, b->text, b->len);

	stdout_err = stdout_err ? stdout_err : err;
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
	fmt_add(&b, "bareblk: ");
	if (r->cmd)
		fmt_add(&b, "%s %s: ", r->cmd->noun, r->cmd->verb);
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
	int fd;

	do {
		fd = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
		if (fd < 0)
			fd = sys_memfd_create("null", 0);
	} while (fd >= 0 && fd < 3);
	if (fd >= 0)
		(void)sys_close(fd);
}

static const struct cmd *find_cmd(const char *noun, const char *verb)
{
	for (u32 i = 0; i < nr_cmds; i++)
		if (str_eq(cmds[i]->noun, noun) && str_eq(cmds[i]->verb, verb))
			return cmds[i];
	return NULL;
}

static bool is_noun(const char *word)
{
	for (u32 i = 0; i < nr_cmds; i++)
		if (str_eq(cmds[i]->noun, word))
			return true;
	return false;
}

static bool is_help(const char *word)
{
	return str_eq(word, "--help") || str_eq(word, "-h") || str_eq(word, "help");
}

/* --help wins over anything that is wrong beside it, but not behind "--" */
static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && !str_eq(argv[i], "--"); i++)
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h"))
			return true;
	return false;
}

static enum exit_code run_cmd(struct cmd_run *r)
{
	const struct cmd *cmd = r->cmd;
	u64 values[VALUES_BYTES / sizeof(u64)] = { 0 };
	struct diag why;
	int err;

	if (wants_help(r->argc, r->argv)) {
		help_cmd(r->out, cmd);
		return EXIT_OK;
	}
	if (cmd->defaults)
		memcpy(values, cmd->defaults, cmd->values_bytes);
	err = opt_parse(cmd->opts, cmd->nr_opts, values, &r->argc, r->argv, &why);
	if (err)
		return cmd_fail(r, EXIT_USAGE, 0, "%s", why.text);
	if (r->argc < cmd->min_args)
		return cmd_fail(r, EXIT_USAGE, 0, "%s is missing; see --help", cmd->args);
	if (r->argc > cmd->max_args)
		return cmd_fail(r, EXIT_USAGE, 0, "unexpected argument: %s",
				r->argv[cmd->max_args]);
	r->values = values;
	return cmd->run(r);
}

static enum exit_code fail_noun(struct cmd_run *r, const char *noun)
{
	const char *near = opt_nearest(noun, &cmds[0]->noun, 1, 0);

	for (u32 i = 1; !near && i < nr_cmds; i++)
		near = opt_nearest(noun, &cmds[i]->noun, 1, 0);
	return cmd_fail(r, EXIT_USAGE, 0, "there is no %s%s%s%s; see --help", noun,
			near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

static enum exit_code fail_verb(struct cmd_run *r, const char *noun, const char *verb)
{
	const char *near = NULL;

	for (u32 i = 0; !near && i < nr_cmds; i++)
		if (str_eq(cmds[i]->noun, noun))
			near = opt_nearest(verb, &cmds[i]->verb, 1, 0);
	return cmd_fail(r, EXIT_USAGE, 0, "%s has no verb %s%s%s%s; see %s --help", noun, verb,
			near ? ", did you mean " : "", near ? near : "", near ? "?" : "", noun);
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
		return fail_noun(r, words[0]);
	r->cmd = argc > 1 ? find_cmd(words[0], words[1]) : NULL;
	if (!r->cmd && (argc == 1 || is_help(words[1]))) {
		help_noun(r->out, words[0]);
		return argc == 1 ? EXIT_USAGE : EXIT_OK;
	}
	if (!r->cmd)
		return fail_verb(r, words[0], words[1]);
	r->argc = argc - 2;
	r->argv = words + 2;
	return run_cmd(r);
}

/* Called by the name of a noun, that is the first word. */
static const char *noun_by_name(const struct rt_start *start)
{
	const char *name = start->argc ? start->argv[0] : "";
	const char *slash = str_rchr(name, '/');

	return str_eq(slash ? slash + 1 : name, "ublk") ? "ublk" : NULL;
}

int rt_main(const struct rt_start *start)
{
	char text[1024];
	struct fmt_buf out = { .text = text, .size = sizeof(text), .flush = flush_stdout };
	struct cmd_run r = { .start = start, .out = &out };
	const char *noun = noun_by_name(start);
	enum exit_code code;

	fill_standard_files();
	if (noun && start->argc) {
		start->argv[0] = (char *)(uintptr_t)noun;
		code = dispatch(&r, start->argc, start->argv);
	} else {
		code = dispatch(&r, start->argc ? start->argc - 1 : 0, start->argv + 1);
	}
	flush_stdout(&out);
	if (stdout_err == -EPIPE)
		return EXIT_FAILURE; /* the reader has seen enough, and knows */
	if (stdout_err && code == EXIT_OK)
		return cmd_fail(&r, EXIT_FAILURE, stdout_err, "cannot write the output");
	return code;
}
